// Ctrl-C and TERM leave nothing behind: what is being made lies under a hidden name until it is whole, and
// such names are written down here for as long as they lead to something. A signal ends a process anywhere,
// so this is the one list of its kind in a process.
#pragma once

#include <filesystem>

namespace cg {

// From now on SIGINT, SIGTERM and SIGHUP remove what is written down and end the process with the status 128
// + N. Without it, and before anything is written down, they end it as they always do.
void clean_up_when_interrupted();

// To be said before the file, or directory with all in it, is made.
void remove_when_interrupted(const std::filesystem::path& path);
// It has got its name, or is gone.
void forget_when_interrupted(const std::filesystem::path& path) noexcept;

}  // namespace cg
