//! Other producers' formats, turned into jobs. Each ends in `Client::enqueue_all`, like any producer.
