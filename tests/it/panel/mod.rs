//! The pages for people, over the real binary: who may come in, who may do what, and that what
//! jobs bring with them stays text.

mod browser;
mod doors;
mod flower;
mod injection;
mod roles;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use devkit::Template;

use crate::http_api::ask::{Answer, Ask};
use crate::http_api::port;
use crate::world::{Worker, World};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";
/// Its bcrypt hash, a cheap one.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

/// An installation with a worker that serves the pages.
pub(crate) struct Panel {
    pub(crate) world: World,
    /// Killed with the test.
    _worker: Worker,
    pub(crate) port: u16,
}

impl Panel {
    /// With a viewer vera, an operator otto and an admin ana.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with other settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let world = World::new(Template::Empty).await;
        let users = format!("vera:viewer:{HASH}\notto:operator:{HASH}\nana:admin:{HASH}\n");
        let mut command = world.command();
        command
            .env("CRM_WORKER__PANEL__BIND", "127.0.0.1:0")
            .env("CRM_WORKER__PANEL__USERS", users)
            .envs(settings.iter().copied())
            .arg("run");
        let worker = Worker::start(&mut command);
        let port = port(&worker);
        Self {
            world,
            _worker: worker,
            port,
        }
    }

    /// A request of somebody with the password.
    pub(crate) fn ask(&self, who: &str, method: &str, path: &str) -> Ask<'_> {
        Ask::new(self.port, method, path).header("Authorization", basic(who, PASSWORD))
    }

    /// A page.
    pub(crate) fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path).send()
    }

    /// A form.
    pub(crate) fn post(&self, who: &str, path: &str, form: &str) -> Answer {
        self.ask(who, "POST", path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", "same-origin")
            .body(form.as_bytes())
            .send()
    }
}

/// The header of a name and a password.
pub(crate) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
