//! How statements bind names.

use ruff_python_ast::{Expr, StmtImport, StmtImportFrom};
use ruff_text_size::Ranged;

use super::Module;
use super::value::Value;

impl Module {
    pub(super) fn bind(&mut self, target: &Expr, value: Value) {
        match target {
            Expr::Name(name) => self.bind_name(&name.id, value),
            Expr::Tuple(_) | Expr::List(_) => {
                let targets = match target {
                    Expr::Tuple(tuple) => &tuple.elts,
                    Expr::List(list) => &list.elts,
                    _ => return,
                };
                let values = match value {
                    Value::Items { items, .. }
                        if items.len() == targets.len() && !targets.iter().any(Expr::is_starred_expr) =>
                    {
                        items
                    }
                    _ => vec![Value::unknown("is unpacked from what is not a literal", target.start()); targets.len()],
                };
                for (target, value) in targets.iter().zip(values) {
                    self.bind(target, value);
                }
            }
            Expr::Starred(starred) => self.bind(&starred.value, Value::unknown("is unpacked", starred.start())),
            // An item or an attribute of something changes.
            other => self.effects(other),
        }
    }

    pub(super) fn bind_name(&mut self, name: &str, value: Value) {
        self.names.insert(name.to_owned(), value);
    }

    pub(super) fn delete(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => drop(self.names.remove(name.id.as_str())),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.delete(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.delete(target)),
            other => self.effects(other),
        }
    }

    pub(super) fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let full = alias.name.as_str();
            let name =
                alias.asname.as_ref().map_or_else(|| full.split('.').next().unwrap_or(full), |name| name.as_str());
            let typing = matches!(full, "typing" | "typing_extensions");
            self.bind_name(name, if typing { Value::Typing } else { Value::unknown("is a module", alias.start()) });
        }
    }

    pub(super) fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        let typing = import.level == 0 && matches!(module, "typing" | "typing_extensions");
        for alias in &import.names {
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let value = match alias.name.as_str() {
                // What a star brings is not known; that it brings the names of a revision is not assumed.
                "*" => continue,
                "TYPE_CHECKING" if typing => Value::Bool(false),
                _ => Value::unknown(format!("is imported from `{module}`"), alias.start()),
            };
            self.bind_name(name, value);
        }
    }
}
