//! Five questions about sessions and JWTs, and what was played to answer one.

use serde::Serialize;

use crate::view::View;
use crate::view::lab::{LifePlot, TraceLine};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionRow {
    /// Its number.
    pub number: u8,
    /// The question.
    pub text: String,
    /// The acts that answer it.
    pub acts: Vec<String>,
    /// Whether they were played in this process.
    pub is_answered: bool,
}

/// The questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionsView {
    /// The questions, in order.
    pub questions: Vec<QuestionRow>,
}

impl View for QuestionsView {
    const TEMPLATE: &'static str = "lab/questions.html";
}

/// An act that was played for an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlayedAct {
    /// Its name.
    pub name: String,
    /// What happened.
    pub lines: Vec<TraceLine>,
    /// The event from which the times of the picture count.
    pub event: String,
    /// How long each credential was accepted, if the act asks that.
    pub plot: Option<LifePlot>,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerView {
    /// The number of the question.
    pub number: u8,
    /// The question.
    pub question: String,
    /// What was seen, in a sentence.
    pub answer: String,
    /// The usual answer, as guides give it.
    pub usual_answer: String,
    /// What was played; nothing if the question was not asked in this process.
    pub acts: Vec<PlayedAct>,
}

impl View for AnswerView {
    const TEMPLATE: &'static str = "lab/answer.html";
}
