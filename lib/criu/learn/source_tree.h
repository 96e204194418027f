// A source tree of CRIU: its version, all that it can say at the level of an error or a warning, and where
// the value of an option is read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "criu/log/source_texts.h"

namespace cg {

// "4.2.1", of Makefile.versions; the tree's own name where there is none.
std::string criu_source_version(const std::filesystem::path& tree);

// Of what runs in a dump or a restore: not the tests, and not compel's own compiler. Each text of a file
// once, the files by their names. cannot() for what is no source tree of CRIU.
Result<std::vector<SourceText>> criu_source_texts(const std::filesystem::path& tree);

// The files below criu/ that read the value of --NAME ("opts.ghost_limit"), without those that only take it
// in.
std::vector<std::string> readers_of_option(const std::filesystem::path& tree, const std::string& name);

}  // namespace cg
