//! A report, or two compared, as one HTML file: no script, no network, nothing beside itself. Pictures are SVG
//! written here, light and dark as the reader's system is, and can be printed.
//!
//! Everything that comes from a report is escaped where it is put into the page, and the page's own policy forbids
//! scripts and requests should that ever fail.

mod axis;
mod chart;
mod comparison;
mod escape;
mod page;
mod parts;
mod pictures;
mod timeline;

#[cfg(test)]
mod tests;

pub use comparison::comparison;
pub use page::page;

use super::types::Tool;
use escape::escape;

/// The mark of the gateway, as the console has it.
const LOGO: &str = "<svg viewBox=\"0 0 32 32\" aria-hidden=\"true\"><rect width=\"32\" height=\"32\" rx=\"8\" fill=\"#2b54d4\"/>\
    <path d=\"M17.5 22.5h-7a3 3 0 0 1-3-3v-9a3 3 0 0 1 3-3h9a3 3 0 0 1 3 3v7\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.6\" stroke-linecap=\"round\"/>\
    <rect x=\"12\" y=\"12\" width=\"6\" height=\"6\" rx=\"1.6\" fill=\"#fff\"/>\
    <path d=\"M18.5 18.5 25 25m0-4.6V25h-4.6\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.6\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>";

/// The file around what is shown. `facts` and `body` are HTML, the rest is not.
fn shell(kind: &str, title: &str, facts: &str, body: &str, tool: &Tool) -> String {
    let title = escape(title);
    let style = include_str!("style.css");
    let (name, version) = (escape(&tool.name), escape(&tool.version));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"data:,\">\
         <title>{title} · {kind}</title><style>{style}</style></head><body>\n\
         <header><p class=\"brand\">{LOGO}multicode · {kind}</p><h1>{title}</h1>{facts}</header>\n\
         <main>{body}</main>\n\
         <footer>Written by {name} {version}. Latencies count from the moment a request was due, not from when it left.</footer>\n\
         </body></html>\n"
    )
}
