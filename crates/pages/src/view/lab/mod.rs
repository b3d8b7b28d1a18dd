//! The lab: acts that are played with a login of each mode, and measurements. Its pages are in English, as the console.

mod choose;
mod home;
mod life_plot;
mod measure;
mod problem;
mod questions;
mod range_plot;
mod report;
mod side_by_side;
mod token;

pub use choose::{
    Advice, AdviceView, ChangedAdvice, Choice, ChoiceGroup, ChooseView, CostRow, GuideRow, MeasuredNumbers,
    MeasuredRow, OtherAnswer,
};
pub use home::{LabRow, LabsView};
pub use life_plot::{LifePlot, LifePlotRow, LifeRow, PlotSize, Tick, duration_text};
pub use measure::{
    FailedMeasurementView, MeasurementOutcome, MeasurementProgress, MeasurementRow, MeasurementsView,
    RunningMeasurementView,
};
pub use problem::LabProblemView;
pub use questions::{AnswerView, PlayedAct, QuestionRow, QuestionsView};
pub use range_plot::{RangeAxis, RangePlot, RangePlotRow, RangePlotSize, RangeRow};
pub use report::{FigureRow, QuantileRow, ReportAnswer, ReportView};
pub use side_by_side::{
    ActButton, AskedPlace, ClockButton, LabView, Piece, ShownRequest, StepLink, StoredFact, Ticket,
    TraceLine, Verdict,
};
pub use token::{JwtParts, KeyErrors, SignatureView, TakenApart, TokenMember, TokenView};
