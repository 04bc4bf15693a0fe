//! Budgets, of callers and of routes.

use crate::config::model::Budget;
use crate::config::reader::Section;

/// Reads the `budget` of a section, if it has one.
pub fn read(section: &Section) -> Option<Budget> {
    let budget = section.optional_section("budget")?;
    Some(Budget {
        tokens: budget.get("tokens").value,
        per: budget.get("per").value,
    })
}
