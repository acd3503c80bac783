# What CONTRIBUTING.md tells you to type. `just` alone lists the recipes.

default:
    @just --list

# Everything that must hold for every change
ci:
    .ci/run

# Build the program
build:
    cargo build --release

# Run the tests, or those whose name contains a text
test name="":
    cargo test {{ name }}

# Format, and look for lints
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings

# The documentation of the library
doc:
    cargo doc --no-deps

# Rewrite the pages of the manual and the schemas that are made from declarations
generate:
    cargo run --features hub -- generate reference -o docs/src/reference
    cargo run --features hub -- schema recipe > recipes/schema/recipe.json
    cargo run --features hub -- schema sweep > recipes/schema/sweep.json
    cargo run --example study -- --render -o docs/study

# Show the manual in a browser (needs mdbook)
book:
    mdbook serve docs --open

# Licences and advisories of the dependencies (needs cargo-deny)
deny:
    cargo deny check

# What the published crate would hold
package:
    cargo package --list
