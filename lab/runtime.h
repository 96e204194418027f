// Containers made by a runtime (runc, crun), and taken through a checkpoint by it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "start.h"

namespace cg::lab {

// Mounts the disk with the runtimes, once. Refused: there is no such disk.
Result<void> provide_runtimes();

// `runtime`: "runc" or "crun". The container shares the guest's network, as in Kata.
Result<void> start_by_runtime(const std::string& runtime, Running& running,
                              const std::vector<std::string>& holds, const std::filesystem::path& work);
void delete_container(const Running& running);

// Pauses the container as containerd does, and has the runtime checkpoint it with that criu.
Result<void> checkpoint_by_runtime(const Running& running, const std::string& criu,
                                   const std::filesystem::path& images);
// Restores it under another name; running.pid is then the new init.
Result<void> restore_by_runtime(Running& running, const std::string& criu,
                                const std::filesystem::path& images);

}  // namespace cg::lab
