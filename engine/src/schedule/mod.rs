//! Schedules: which jobs are due when, and who fires them.
