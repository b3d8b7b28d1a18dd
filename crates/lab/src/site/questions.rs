//! `/lab/questions`: five questions, each answered by acts.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use counterfoil_pages::view::lab::{AnswerView, PlayedAct, QuestionRow, QuestionsView};

use crate::scenario::question::Question;
use crate::scenario::trace::Trace;
use crate::site::labs::Labs;
use crate::site::refusal::Refusal;
use crate::site::response::{not_found, page, see_other};
use crate::site::trace_view::{all_lines, event_of, life_plot};

/// The questions.
pub(super) async fn list(State(labs): State<Arc<Labs>>) -> Response {
    let row = |question: Question| QuestionRow {
        number: question.number(),
        text: question.text().to_owned(),
        acts: question.acts().iter().map(ToString::to_string).collect(),
        is_answered: labs.answered(question).is_some(),
    };
    page(&QuestionsView { questions: Question::ALL.map(row).into() })
}

/// A question, and what was played for it.
pub(super) async fn show(State(labs): State<Arc<Labs>>, Path(number): Path<String>) -> Response {
    let Some(question) = parse(&number) else { return not_found() };
    let traces = labs.answered(question);
    let act = |trace: &Trace| PlayedAct {
        name: trace.act.to_owned(),
        lines: all_lines(trace),
        event: event_of(trace).to_owned(),
        plot: life_plot(trace, trace.steps.len()),
    };
    page(&AnswerView {
        number: question.number(),
        question: question.text().to_owned(),
        answer: question.answer().to_owned(),
        usual_answer: question.usual_answer().to_owned(),
        acts: traces.iter().flat_map(|traces| traces.iter()).map(act).collect(),
    })
}

/// Plays the acts of a question.
pub(super) async fn play(
    State(labs): State<Arc<Labs>>,
    Path(number): Path<String>,
) -> Result<Response, Refusal> {
    let Some(question) = parse(&number) else { return Ok(not_found()) };
    labs.answer(question).await?;
    Ok(see_other(&format!("/lab/questions/{}", question.number())))
}

fn parse(number: &str) -> Option<Question> {
    Question::new(number.parse().ok()?)
}
