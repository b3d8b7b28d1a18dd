//! The lab: acts that are played with a login of each mode. Its pages are in English, as the console.

mod choose;
mod home;
mod life_plot;
mod problem;
mod questions;
mod side_by_side;
mod token;

pub use choose::{Advice, AdviceView, ChangedAdvice, Choice, ChoiceGroup, ChooseView, GuideRow, OtherAnswer};
pub use home::{LabRow, LabsView};
pub use life_plot::{LifePlot, LifePlotRow, LifeRow, PlotSize, Tick, duration_text};
pub use problem::LabProblemView;
pub use questions::{AnswerView, PlayedAct, QuestionRow, QuestionsView};
pub use side_by_side::{
    ActButton, AskedPlace, LabView, Piece, ShownRequest, StepLink, StoredFact, Ticket, TraceLine, Verdict,
};
pub use token::{JwtParts, SignatureView, TakenApart, TokenMember, TokenView};
