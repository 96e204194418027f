// One URL into one file, by libcurl: resumed where an earlier try stopped, given up quickly when nobody
// answers.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "source/progress.h"

namespace cg {

struct DownloadOptions {
  long connect_seconds = 5;
  long stall_seconds = 20;  // given up when not a byte comes for so long
  std::string proxy;        // empty: http_proxy, https_proxy, all_proxy and no_proxy of the environment
};

struct Downloaded {
  bool resumed = false;  // some of the bytes are from an earlier try
};

// Fetches `url` into `part`, which is kept when the transfer breaks off, and continued if it is there. The
// error says what happened without the URL. Hashing and renaming are the caller's.
Result<Downloaded> download(const std::string& url, const std::filesystem::path& part,
                            const DownloadOptions& options, Progress& progress);

}  // namespace cg
