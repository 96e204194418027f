// Kernel modules by name, with all they depend on, out of a /lib/modules/VERSION tree; and the indexes that
// modprobe reads, made anew for the modules that an image has in the end. libkmod knows the names, depmod (of
// the same package, kmod) the indexes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "programs/root_tree.h"
#include "recipe/scratch_directory.h"

namespace cg {

struct ModuleRequest {
  std::filesystem::path directory;  // /lib/modules/VERSION of this machine, or an unpacked one
  std::vector<std::string> names;   // or aliases
};

struct ModuleFile {
  std::string destination;  // in the image
  std::filesystem::path source;
};

struct ModuleSet {
  std::string version;               // as uname -r says it
  std::vector<ModuleFile> modules;   // sorted
  std::vector<ModuleFile> indexes;   // modules.dep and what goes with it, and a config, in `scratch`
  std::vector<std::string> builtin;  // of the names asked for, those that the kernel has in itself
  ScratchDirectory scratch;
};

// Nothing is changed. `image` says which modules of that version are there already. Refused: a name that no
// module has (nearest names are suggested), and a directory that is no tree of modules.
Result<ModuleSet> select_modules(const ModuleRequest& request, const RootTree& image, const Environment& env);

}  // namespace cg
