// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! Compiles `perl/*.c` with the compiler and flags of the perl that runs Makefile.PL.
//!
//! Without `SYSVIRT_PERL` the crate is built alone: `cargo test` and `cargo clippy` need no perl.

use std::process::Command;

const SOURCES: &[&str] = &[
    "arguments",
    "async",
    "batch",
    "boot",
    "call",
    "callback",
    "context",
    "error",
    "handle",
    "lazy",
    "limit",
    "results",
    "scalar",
    "stream",
    "structure",
    "template",
    "warning",
];

fn main() {
    println!("cargo:rerun-if-changed=perl");
    println!("cargo:rerun-if-env-changed=SYSVIRT_PERL");
    let Ok(perl) = std::env::var("SYSVIRT_PERL") else {
        return;
    };
    println!("cargo:rustc-cfg=shim");

    // rustc would only report that it drops the shared object.
    let target = |key: &str| std::env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if target("ENV") == "musl" && target("FEATURE").split(',').any(|feature| feature == "crt-static") {
        fail("a module of perl is a shared object: build with RUSTFLAGS=-Ctarget-feature=-crt-static");
    }

    // A string of perl's configuration; or its words, split as by a shell.
    let ask = |script: String| {
        let output = Command::new(&perl)
            .args(["-e", &script])
            .output()
            .unwrap_or_else(|error| panic!("cannot run {perl}: {error}"));
        String::from_utf8(output.stdout).expect("perl's configuration is text")
    };
    let config = |key: &str| ask(format!("use Config; print $Config{{{key}}} // q()"));
    let words = |key: &str| -> Vec<String> {
        let words = ask(format!(
            "use Config; use Text::ParseWords; print map {{ qq($_\\0) }} shellwords($Config{{{key}}} // q())"
        ));
        words.split_terminator('\0').map(String::from).collect()
    };

    if !config("usethreads").is_empty() || !config("usemultiplicity").is_empty() {
        println!("cargo:rustc-cfg=perl_multiplicity");
    }

    // perl's functions are bound when they are called, and its variables may be missing (perl/context.h): so a module of
    // another perl is loaded as far as the comparison of versions, whose message says what is wrong.
    // A distribution that hardens its packages, and knows which perl they meet, asks for the opposite.
    if !std::env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("-z,now")) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,lazy");
    }

    // Threads of ours may run, and libvirt keeps pointers to functions of ours (the error handler, callbacks, the event loop) and has no way to take all of
    // them back: what embeds perl and unloads it must not unload us.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");

    // The shim calls this library's functions, and those of no other that has them under the same names.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");

    let mut build = cc::Build::new();
    for source in SOURCES {
        build.file(format!("perl/{source}.c"));
    }
    // The path may contain blanks, so it is a separate argument. It is a system folder, so that the compiler only warns about our
    // files.
    build.flag("-isystem").flag(format!("{}/CORE", config("archlibexp")));
    let flags = words("ccflags");
    build.flags(&flags);
    // The compiler is perl's, unless CC names another: make does, so that `perl Makefile.PL CC=...` counts.
    if std::env::var_os("CC").is_none() {
        let cc = words("cc");
        let (compiler, rest) = cc.split_first().expect("perl has a C compiler");
        build.compiler(compiler).flags(rest);
    }
    // rustc's linker only reads machine code, and would silently omit the shim.
    let asked = std::env::var("CFLAGS").unwrap_or_default();
    if flags.iter().map(String::as_str).chain(asked.split_whitespace()).any(|flag| flag.starts_with("-flto"))
    {
        build.flag_if_supported("-ffat-lto-objects");
    }
    build
        .opt_level(2)
        .force_frame_pointer(false)
        .warnings(false)
        .flags(["-Wall", "-Wextra", "-Wshadow", "-Wcast-qual"])
        .flag("-Werror=implicit-function-declaration")
        .flag_if_supported("-fvisibility=hidden")
        .define("XS_VERSION", format!("\"{}\"", env!("CARGO_PKG_VERSION")).as_str())
        .define("VERSION", format!("\"{}\"", env!("CARGO_PKG_VERSION")).as_str())
        .compile("sysvirt_shim");
}

/// Ends the build with a one-line reason.
fn fail(why: &str) -> ! {
    println!("cargo:warning={why}");
    eprintln!("{why}");
    std::process::exit(1);
}
