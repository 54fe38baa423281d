//! How deep a text may nest before a recursive reader of it runs out of stack.

/// Tokens in one expression, with those around it, up to which a text is read. Python gives up at about 3,000 levels.
const DEEPEST: usize = 10_000;

/// The stack on which texts that are not [`Nesting::is_too_deep`] are read, in bytes; only what is used takes memory.
const STACK: usize = 256 << 20;

/// Counts how deep a text can nest, from its tokens alone: no construct has more levels than tokens.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    outer: Vec<usize>,
    above: usize,
    run: usize,
    deepest: usize,
}

impl Nesting {
    /// Any token.
    pub(super) fn token(&mut self) {
        self.run += 1;
        self.deepest = self.deepest.max(self.above + self.run);
    }

    /// An opening bracket: what follows is inside of all that came before.
    pub(super) fn open(&mut self) {
        self.token();
        self.outer.push(self.run);
        self.above += self.run;
        self.run = 0;
    }

    /// A closing bracket.
    pub(super) fn close(&mut self) {
        self.run = self.outer.pop().unwrap_or_default();
        self.above -= self.run.min(self.above);
    }

    /// A comma or the end of a statement: what follows stands beside what came before.
    pub(super) fn next(&mut self) {
        self.run = 0;
    }

    /// Whether a recursive reader might not come back.
    pub(super) fn is_too_deep(&self) -> bool {
        self.deepest > DEEPEST
    }
}

/// Runs a recursive reader with enough stack for every text that is not too deep; nothing if there is no such stack.
pub(super) fn with_stack<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read).ok()?;
        Some(reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_flat_and_a_long_expression_is_deep() {
        let (mut list, mut expression) = (Nesting::default(), Nesting::default());
        for _ in 0..=DEEPEST {
            list.token();
            list.next();
            expression.token();
        }
        assert!(!list.is_too_deep() && expression.is_too_deep());
    }

    #[test]
    fn brackets_add_up_and_come_back() {
        let mut nesting = Nesting::default();
        for _ in 0..DEEPEST {
            nesting.open();
            nesting.close();
            nesting.next();
        }
        assert!(!nesting.is_too_deep());
        for _ in 0..=DEEPEST {
            nesting.open();
            nesting.next();
        }
        assert!(nesting.is_too_deep());
    }
}
