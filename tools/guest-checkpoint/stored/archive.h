// A checkpoint as one file, laid out as Podman and the kubelet do it, so that checkpointctl reads it:
// config.dump (whose checkpoint it is), spec.dump (the OCI runtime spec), dump.log, stats-dump, and CRIU's
// images below checkpoint/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/environment.h"
#include "base/result.h"

namespace cg::checkpoint {

// `file`: a name, whose end .zst or .gz says how it is compressed; "-": env.out. The bytes written.
Result<std::uint64_t> write_archive(const std::filesystem::path& directory, const std::string& file,
                                    Environment& env);

// Unpacks the images of such an archive, of whatever compression, into an empty directory; "-": standard
// input. Refused: no such archive, names that lead out of it, links.
Result<void> unpack_archive(const std::string& file, const std::filesystem::path& directory);

}  // namespace cg::checkpoint
