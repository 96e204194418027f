// The files of recipes/ that are compiled in, so that a program stays one file and parses nothing at its
// start: recipes/criu-matrix.toml is data::criu_matrix, its root first. A new recipes/criu-*.toml needs a
// line here.
#pragma once

#include <cstddef>

#include "base/toml/toml_node.h"

namespace cg::data {

extern const TomlNode criu_log[];
extern const TomlNode criu_matrix[];
extern const TomlNode criu_options[];
extern const TomlNode criu_restore[];
extern const TomlNode criu_tree[];
extern const TomlNode criu_versions[];

// Those of recipes/requirements, by the name of the program; cmake lists them.
struct RequirementTable {
  const char* program;  // "podman"
  const TomlNode* root;
};
extern const RequirementTable requirement_tables[];
extern const std::size_t requirement_table_count;

}  // namespace cg::data
