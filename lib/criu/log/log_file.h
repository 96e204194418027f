// Logs out of files and streams.
#pragma once

#include <filesystem>
#include <iosfwd>

#include "base/result.h"
#include "criu/log/log.h"

namespace cg {

Result<CriuLog> load_criu_log(const std::filesystem::path& path);
CriuLog load_criu_log(std::istream& in);

}  // namespace cg
