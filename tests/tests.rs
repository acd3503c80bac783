//! The tests of the program as its users run it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod suite {
    mod adapters;
    mod architecture;
    // The manual describes the whole program.
    #[cfg(feature = "eval")]
    mod bge_m3;
    #[cfg(all(feature = "eval", feature = "parquet"))]
    mod book;
    mod bundled;
    mod bytes;
    mod chat_template;
    mod check;
    #[cfg(feature = "eval")]
    mod classes;
    mod commands;
    mod convert;
    mod copies;
    mod data;
    #[cfg(feature = "eval")]
    mod embed;
    mod fault_table;
    mod faults_checkpoint;
    mod faults_output;
    mod faults_recipe;
    mod faults_weights;
    #[cfg(feature = "hub")]
    mod fetch;
    #[cfg(feature = "hub")]
    mod fetch_data;
    mod fuzz;
    mod goldens;
    #[cfg(feature = "eval")]
    mod heads;
    #[cfg(unix)]
    mod hub;
    mod init;
    mod inputs;
    mod killed;
    #[cfg(feature = "eval")]
    mod late;
    #[cfg(feature = "eval")]
    mod learn;
    mod library;
    mod links;
    mod mergekit;
    mod metrics;
    mod output;
    mod random;
    // The README shows commands of the whole program.
    #[cfg(all(feature = "eval", feature = "parquet"))]
    mod readme;
    mod recipes;
    #[cfg(feature = "eval")]
    mod regmean;
    #[cfg(feature = "eval")]
    mod rerank;
    mod retriever;
    mod rows;
    #[cfg(unix)]
    mod same_model;
    mod schema;
    #[cfg(feature = "eval")]
    mod score;
    mod selection;
    mod settings;
    mod slices;
    #[cfg(unix)]
    mod soups;
    #[cfg(feature = "eval")]
    mod sparse;
    mod stages;
    #[cfg(all(feature = "eval", unix))]
    mod strangers;
    #[cfg(feature = "eval")]
    mod study;
    mod support;
    #[cfg(feature = "eval")]
    mod sweep;
    #[cfg(feature = "eval")]
    mod sweep_changes;
    #[cfg(feature = "eval")]
    mod sweep_compare;
    #[cfg(feature = "eval")]
    mod sweep_groups;
    #[cfg(all(feature = "eval", target_os = "linux"))]
    mod terminal;
    #[cfg(feature = "eval")]
    mod tokenizer_settings;
    mod unchanged;
    #[cfg(feature = "eval")]
    mod vocabularies;
}
