// What a CRIU binary tells of itself without being understood: its option table and the texts among its data,
// its
// --version and --help.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/result.h"
#include "criu/binary.h"
#include "criu/learn/facts.h"
#include "elf/program_image.h"

namespace cg {

// The program itself: a script that starts one by its own loader has it beside it, as criu-builder lays it
// out (criu-VERSION.d/criu).
std::filesystem::path program_behind(const std::filesystem::path& criu);

// getopt_long(3)'s table, struct option after struct option: the longest there is. Empty: none was found.
std::vector<LearnedOption> options_in_program(const ProgramImage& program);

// What it was built without, read from its texts: "libnftables", "TLS".
Result<std::set<std::string>> parts_missing_in(const std::filesystem::path& criu);

// `criu` runs it. Refused when `path` is no CRIU: no table of options, no version.
Result<CriuFacts> learn_from_program(const std::filesystem::path& path, const RunCriu& criu);

}  // namespace cg
