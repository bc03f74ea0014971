//! What the maintenance family reads and writes of the CRM.

use super::Holds::{Flag, Instant, Integer, Json, Label, LocalTime, Text};
use super::{Enum, Needs, Table};

/// Tables, columns and labels of the `maintenance.*` kinds.
pub(crate) const MAINTENANCE: Needs = Needs {
    tables: &[
        Table {
            name: "users",
            privilege: "UPDATE",
            columns: &[
                ("id", Integer),
                ("email", Text),
                ("is_active", Flag),
                ("is_superuser", Flag),
                ("role_id", Integer),
                ("last_login_at", Instant),
                ("trial_ends_at", Instant),
                ("trial_converted_at", Instant),
                ("subscription_status", Text),
                ("created_at", Instant),
                ("updated_at", Instant),
            ],
        },
        Table {
            name: "roles",
            privilege: "SELECT",
            columns: &[("id", Integer), ("name", Text)],
        },
        Table {
            name: "crm_interactions",
            privilege: "UPDATE",
            columns: &[
                ("id", Integer),
                ("title", Text),
                ("status", Label),
                ("assignee_id", Integer),
                ("next_action_at", Instant),
                ("notified_at", Instant),
            ],
        },
        Table {
            name: "notifications",
            privilege: "INSERT",
            columns: &[
                ("id", Integer),
                ("user_id", Integer),
                ("type", Label),
                ("priority", Label),
                ("title", Text),
                ("message", Text),
                ("link", Text),
                ("resource_type", Text),
                ("resource_id", Integer),
                ("metadata", Json),
                ("is_read", Flag),
                ("is_archived", Flag),
                ("created_at", Instant),
                ("updated_at", Instant),
            ],
        },
        Table {
            name: "data_access_logs",
            privilege: "DELETE",
            columns: &[
                ("id", Integer),
                ("access_type", Text),
                ("accessed_at", LocalTime),
            ],
        },
        Table {
            name: "ai_user_preferences",
            privilege: "DELETE",
            columns: &[("id", Integer), ("expires_at", LocalTime)],
        },
        Table {
            name: "workflow_executions",
            privilege: "DELETE",
            columns: &[("id", Integer), ("status", Label), ("created_at", Instant)],
        },
    ],
    enums: &[
        Enum {
            table: "notifications",
            column: "type",
            needed: &["SYSTEM", "SYSTEM_ERROR", "TASK_DUE"],
        },
        Enum {
            table: "notifications",
            column: "priority",
            needed: &["NORMAL", "HIGH"],
        },
        Enum {
            table: "crm_interactions",
            column: "status",
            needed: &["todo", "in_progress"],
        },
        Enum {
            table: "workflow_executions",
            column: "status",
            needed: &["PENDING", "RUNNING"],
        },
    ],
};
