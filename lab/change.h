// Changes of the world between a dump and its restore.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "start.h"

namespace cg::lab {

// "nothing". Of a file: "remove FILE", "grow FILE", "rewrite FILE" (other bytes, as many), "mode FILE OCTAL",
// "directory FILE" and "link FILE" (a directory, or a link to where the file now is, in its place),
// "other-build FILE". Of all whose names begin so: "remove-all BEGINNING". "read-only DIR". "take-pid",
// "listen PORT", "udp PORT". Of an image whose name begins so: "drop-image BEGINNING", "cut-image BEGINNING".
Result<void> change_world(const std::string& change, const std::filesystem::path& images, Running& running);
std::vector<std::string> known_changes();

// What would be in the way of the next case: mounts.
void undo_changes();

}  // namespace cg::lab
