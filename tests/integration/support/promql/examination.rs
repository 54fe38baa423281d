//! One walk over an expression.

use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector, token,
};

use super::{Examined, Kind, Labels, Reference};

/// Four scrapes, 30 seconds apart: what a rate over less tells is chance.
const SHORTEST_RATE: Duration = Duration::from_mins(2);

/// Functions that make sense on counters, and only on them.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];

/// Functions that look at a counter without reading its value.
const OF_ANY: [&str; 7] =
    ["absent", "absent_over_time", "present_over_time", "count_over_time", "resets", "changes", "timestamp"];

const NO_METRIC: &str = "there is no metric";

/// See the module.
pub(super) struct Examination<'a> {
    reference: &'a Reference,
    problems: Vec<String>,
    /// Whether a counter may stand here.
    counters: bool,
}

impl<'a> Examination<'a> {
    pub(super) fn of(reference: &'a Reference, expression: &Expr) -> Examined {
        let mut examination = Self { reference, problems: Vec::new(), counters: false };
        let labels = examination.labels(expression).unwrap_or_default();
        let mut problems = examination.problems;
        // What has no metric has no label either, which would be said at every turn.
        if problems.iter().any(|problem| problem.starts_with(NO_METRIC)) {
            problems.retain(|problem| problem.starts_with(NO_METRIC));
        }
        Examined { labels, problems }
    }

    fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// The labels that its series may have; `None` for a number or a text, which has none.
    fn labels(&mut self, expression: &Expr) -> Option<Labels> {
        match expression {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => None,
            Expr::Paren(inner) => self.labels(&inner.expr),
            Expr::Unary(inner) => self.labels(&inner.expr),
            Expr::Subquery(inner) => self.labels(&inner.expr),
            Expr::VectorSelector(selector) => Some(self.selector(selector)),
            Expr::MatrixSelector(selector) => Some(self.selector(&selector.vs)),
            Expr::Aggregate(aggregation) => Some(self.aggregation(aggregation)),
            Expr::Binary(operation) => self.operation(operation),
            Expr::Call(call) => self.call(call),
            Expr::Extension(_) => {
                self.problem(format!("is not PromQL: {expression}"));
                None
            }
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Labels {
        let Some(name) = &selector.name else {
            self.problem(format!("names no metric: {selector}"));
            return Labels::new();
        };
        let Some(metric) = self.reference.get(name) else {
            self.problem(format!("{NO_METRIC} {name}"));
            return Labels::new();
        };
        if metric.kind == Kind::Counter && !self.counters {
            self.problem(format!("the value of the counter {name} means nothing without rate or increase"));
        }
        if metric.kind == Kind::Gauge && self.counters {
            self.problem(format!("{name} is no counter"));
        }
        for matcher in selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten()) {
            self.expect_labels(std::iter::once(&matcher.name), &metric.labels, name);
            self.matcher(matcher, name);
        }
        metric.labels.clone()
    }

    /// Prometheus anchors every regular expression; one that matches a single text should be that text.
    fn matcher(&mut self, matcher: &Matcher, name: &str) {
        let (MatchOp::Re(_) | MatchOp::NotRe(_)) = matcher.op else { return };
        let value = &matcher.value;
        if !value.contains(|sign: char| ".*+?|[](){}^$\\".contains(sign)) {
            self.problem(format!("{name}: {}=~{value:?} needs no regular expression", matcher.name));
        }
        if value.starts_with('^') || value.ends_with('$') {
            self.problem(format!("{name}: {}=~{value:?} is anchored anyway", matcher.name));
        }
    }

    fn aggregation(&mut self, aggregation: &AggregateExpr) -> Labels {
        let mut labels = self.labels(&aggregation.expr).unwrap_or_default();
        let operator = aggregation.op.id();
        if let Some(modifier) = &aggregation.modifier {
            self.expect_labels(&modifier.labels().labels, &labels, &aggregation.to_string());
        }
        if ![token::T_TOPK, token::T_BOTTOMK, token::T_LIMITK, token::T_LIMIT_RATIO].contains(&operator) {
            labels = match &aggregation.modifier {
                Some(LabelModifier::Include(kept)) => kept.labels.iter().cloned().collect(),
                Some(LabelModifier::Exclude(dropped)) => without(labels, &dropped.labels),
                None => Labels::new(),
            };
        }
        if let (token::T_COUNT_VALUES, Some(Expr::StringLiteral(label))) = (operator, aggregation.param.as_deref()) {
            labels.insert(label.val.clone());
        }
        labels
    }

    fn operation(&mut self, operation: &BinaryExpr) -> Option<Labels> {
        let (left, right) = (self.labels(&operation.lhs), self.labels(&operation.rhs));
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return left.or(right),
        };
        let matching = operation.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
        self.expect_match(operation, matching, &left, &right);
        let cardinality = operation.modifier.as_ref().map(|modifier| &modifier.card);
        Some(match (operation.op.id(), cardinality) {
            (token::T_LOR, _) => left.union(&right).cloned().collect(),
            (token::T_LAND | token::T_LUNLESS, _) => left,
            (_, Some(VectorMatchCardinality::ManyToOne(included))) => {
                self.expect_labels(&included.labels, &right, "group_left");
                with(left, &included.labels)
            }
            (_, Some(VectorMatchCardinality::OneToMany(included))) => {
                self.expect_labels(&included.labels, &left, "group_right");
                with(right, &included.labels)
            }
            _ => match matching {
                Some(LabelModifier::Include(on)) => on.labels.iter().cloned().collect(),
                Some(LabelModifier::Exclude(ignored)) => without(left, &ignored.labels),
                None => left,
            },
        })
    }

    /// Whether the two sides can match: on labels that both have, or on all that they have.
    fn expect_match(
        &mut self,
        operation: &BinaryExpr,
        matching: Option<&LabelModifier>,
        left: &Labels,
        right: &Labels,
    ) {
        let of_what = operation.to_string();
        match matching {
            Some(LabelModifier::Include(on)) => {
                self.expect_labels(&on.labels, left, &of_what);
                self.expect_labels(&on.labels, right, &of_what);
            }
            // What one side has already taken in is recorded by a rule that reads itself.
            _ if operation.op.id() == token::T_LOR || left.is_empty() || right.is_empty() => {}
            Some(LabelModifier::Exclude(ignored)) => {
                self.expect_labels(&ignored.labels, &left.union(right).cloned().collect(), &of_what);
                let (left, right) = (without(left.clone(), &ignored.labels), without(right.clone(), &ignored.labels));
                self.expect_equal(&left, &right, &of_what);
            }
            None => self.expect_equal(left, right, &of_what),
        }
    }

    fn expect_equal(&mut self, left: &Labels, right: &Labels, of_what: &str) {
        if left != right {
            let differ: Vec<_> = left.symmetric_difference(right).map(String::as_str).collect();
            self.problem(format!("the sides can never match, they differ in {}: {of_what}", differ.join(", ")));
        }
    }

    fn expect_labels<'l>(&mut self, wanted: impl IntoIterator<Item = &'l String>, labels: &Labels, of_what: &str) {
        for label in wanted.into_iter().filter(|label| !labels.contains(*label)) {
            self.problem(format!("there is no label {label} in {of_what}"));
        }
    }

    fn call(&mut self, call: &Call) -> Option<Labels> {
        let name = call.func.name;
        let outside = self.counters;
        let of_any = OF_ANY.contains(&name);
        self.counters = OF_COUNTERS.contains(&name);
        if self.counters {
            self.expect_window(call);
        }
        let arguments: Vec<_> = if of_any {
            self.any_kind(call)
        } else {
            call.args.args.iter().map(|argument| self.labels(argument)).collect()
        };
        self.counters = outside;
        let labels = arguments.into_iter().flatten().next();
        let texts = || {
            call.args.args.iter().filter_map(|argument| match &**argument {
                Expr::StringLiteral(text) => Some(text.val.clone()),
                _ => None,
            })
        };
        match name {
            _ if call.func.return_type != ValueType::Vector => None,
            "absent" | "absent_over_time" => labels.map(|_| equalities(&call.args.args)),
            "label_replace" => {
                let source = texts().nth(2).filter(|source| !source.is_empty());
                self.expect_labels(&source.into_iter().collect::<Vec<_>>(), labels.as_ref()?, &call.to_string());
                labels.map(|labels| with(labels, &texts().take(1).collect::<Vec<_>>()))
            }
            "label_join" => labels.map(|labels| with(labels, &texts().take(1).collect::<Vec<_>>())),
            "histogram_quantile" => labels.map(|labels| without(labels, &["le".to_owned()])),
            _ => Some(labels.unwrap_or_default()),
        }
    }

    /// Arguments whose values are not read, so that both kinds of metric may stand there.
    fn any_kind(&mut self, call: &Call) -> Vec<Option<Labels>> {
        let before = self.problems.len();
        let labels = call.args.args.iter().map(|argument| self.labels(argument)).collect();
        let of_counters = |problem: &String| problem.contains("means nothing without rate");
        let kept: Vec<_> = self.problems.drain(before..).filter(|problem| !of_counters(problem)).collect();
        self.problems.extend(kept);
        labels
    }

    fn expect_window(&mut self, call: &Call) {
        let short = |argument: &Expr| matches!(argument, Expr::MatrixSelector(it) if it.range < SHORTEST_RATE);
        if call.args.args.iter().any(|argument| short(argument)) {
            self.problem(format!("the window is shorter than four scrapes: {call}"));
        }
    }
}

fn with(mut labels: Labels, more: &[String]) -> Labels {
    labels.extend(more.iter().cloned());
    labels
}

fn without(mut labels: Labels, fewer: &[String]) -> Labels {
    labels.retain(|label| !fewer.contains(label));
    labels
}

/// The labels that `absent` takes from its selector.
fn equalities(arguments: &[Box<Expr>]) -> Labels {
    let matchers = arguments.iter().flat_map(|argument| match &**argument {
        Expr::VectorSelector(selector) => selector.matchers.matchers.as_slice(),
        Expr::MatrixSelector(selector) => selector.vs.matchers.matchers.as_slice(),
        _ => &[],
    });
    matchers.filter(|matcher| matcher.op == MatchOp::Equal).map(|matcher| matcher.name.clone()).collect()
}
