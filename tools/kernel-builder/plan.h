// What a build will do, as plain data: made without touching the network or the build tree.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kconfig/config.h"
#include "recipe.h"

namespace cg {

struct Architecture {
  std::string name;        // x86_64, arm64: the fragments' folder
  std::string kernel;      // ARCH= of the kernel's make
  std::string image;       // the make target of the compressed image
  std::string image_path;  // where it lies in the build tree
};
// The prefix of the cross tools' names; empty when this machine is of that architecture.
std::string cross_prefix(const Architecture& architecture);
// Usage error, with the known ones, for an architecture that has no fragments.
Result<Architecture> find_architecture(const std::string& name);
std::string host_architecture();

struct KernelPlan {
  KernelRecipe recipe;
  std::string version;  // exactly this one; empty: what the first source that can be had is
  Architecture architecture;
  std::vector<std::filesystem::path> fragments;  // in order; the user's own come last
  std::optional<KernelConfig> base;              // what they are laid over; none: allnoconfig
  KernelConfig request;                          // all of them merged
  std::string config_version;                    // kconfig/version, "+<digest>" when the user added fragments
  std::string digest;  // of all inputs; of the source, its recipe or the local file's bytes
};

struct PlanInputs {
  std::filesystem::path recipe;
  std::string version;            // exactly this one, or empty for the recipe's first source
  std::filesystem::path kconfig;  // the folder with fragments/ and version
  std::vector<std::filesystem::path> extra_fragments;  // FRAGMENTS=
  std::string architecture;
  std::filesystem::path base;  // a configuration of the user's: CRIU's needs are laid over it; may be empty
  std::string sha256;          // what vouches for the source in place of the recipe, or empty
  std::string local_source_sha256;  // SOURCE=path, or empty
  std::string compiler;             // first line of `gcc --version`
};

Result<KernelPlan> make_plan(const PlanInputs& inputs);

// The digest of every file below kconfig/fragments, names and bytes; kconfig/fragments.sha256 must hold it
// together with kconfig/version.
Result<std::string> fragments_digest(const std::filesystem::path& kconfig);

}  // namespace cg
