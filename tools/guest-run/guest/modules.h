// Loads the modules that guest-run put into the initramfs.
#pragma once

#include <string>

namespace cg::guest {

// All files of the directory in the order of their names, which are removed then; a directory that is not
// there is good. What went wrong, as text for a person: a module that the kernel does not take is left out.
std::string load_modules(const std::string& directory);

}  // namespace cg::guest
