//! What a run leaves, and what is read again.

pub(crate) mod csv;
pub(crate) mod figures;
pub(crate) mod hgrm;
pub(crate) mod interval_log;
pub(crate) mod load_log;
pub(crate) mod merge;
pub(crate) mod past;
pub(crate) mod record;
pub(crate) mod run_check;
pub(crate) mod run_directory;
pub(crate) mod run_file;
#[cfg(test)]
pub(crate) mod sample_run;
pub(crate) mod sweep_file;
pub(crate) mod whole;
