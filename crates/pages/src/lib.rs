//! The pages that a person sees: sign-in, registration and account.
//!
//! A page is a struct and a template. [`Renderer::render`] turns the struct into HTML in one of six languages. Nothing here
//! knows of HTTP, a store, a clock or a policy: what a page says is decided by the crate `counterfoil`.

mod accent;
mod assets;
mod device;
mod frame;
mod language;
mod logo;
mod message;
mod moment;
mod original;
mod overrides;
mod renderer;
mod rendering;
pub mod sample;
mod style_sheet;
mod texts;
mod theme;
mod theme_file;
mod theme_frame;
mod time_bound;
pub mod view;

pub use accent::{Accent, AccentError};
pub use assets::Asset;
pub use device::{Device, DeviceKind};
pub use frame::{Frame, LiveFrame};
pub use language::{Direction, Language};
pub use logo::Logo;
pub use message::Message;
pub use moment::Moment;
pub use original::Original;
pub use overrides::{OverrideError, OverrideErrors, OverrideFile, OverrideKind, Overrides};
pub use renderer::{RenderError, Renderer};
pub use style_sheet::StyleSheet;
pub use theme::Theme;
pub use theme_file::{ThemeFile, ThemeFileError};
pub use theme_frame::ThemeFrame;
pub use time_bound::TimeBound;
pub use view::View;
