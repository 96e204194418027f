// Changes of the world between a dump and its restore.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "start.h"

namespace cg::lab {

// "nothing". Of a file: "remove FILE", "grow FILE", "shrink FILE", "rewrite FILE" (other bytes, as many),
// "touch FILE", "mode FILE OCTAL", "owner FILE UID", "other-build FILE", "lock FILE posix|flock|ofd" (held by
// another process); in its place: "directory FILE", "plain FILE", "fifo FILE", "link FILE" (to where the file
// now is). Of all whose names begin so: "remove-all BEGINNING". "read-only DIR", "room DIR BYTES" (a file
// system of that size lies over it). "take-pid [DISTANCE]", "take-terminal", "listen PORT", "udp PORT",
// "abstract NAME", "no-address" (10.77.0.1 is taken away). "sysctl NAME VALUE". Of an image whose name begins
// so: "drop-image BEGINNING", "cut-image BEGINNING", "garble-image BEGINNING" (another magic). A path that
// begins with ROOT lies in the root directory of a container, with WORK in the directory that this is in.
Result<void> change_world(const std::string& change, const std::filesystem::path& images, Running& running);
std::vector<std::string> known_changes();

// What would be in the way of the next case: mounts, settings.
void undo_changes();

}  // namespace cg::lab
