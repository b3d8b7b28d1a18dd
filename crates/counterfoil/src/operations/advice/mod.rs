//! Advice: which mode suits which client, from a few answers. The questions of `counterfoil init` and the lab's page use the
//! same functions, all of which are pure.

pub(crate) mod alternatives;
pub(crate) mod answers;
pub(crate) mod guide_lines;
pub(crate) mod recommendation;
