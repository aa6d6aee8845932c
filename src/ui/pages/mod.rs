//! The pages: they arrange panels.

mod home;
mod lab;

pub use home::Home;
pub use lab::Lab;
