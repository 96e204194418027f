// The process that is dumped: it holds what its case names, then counts, so that a restore can be told from a
// corpse. Each thing it can hold is one function (task.cpp); a new one is one line in the table.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::lab {

// Never returns once it counts: the number is written over the begin of `record`, every 20 ms. What could not
// be held is written there instead, as "absent: …" when the kernel does not have it, else as "failed: …".
Result<void> be_the_task(const std::filesystem::path& record, const std::vector<std::string>& holds);

std::vector<std::string> known_holdings();

}  // namespace cg::lab
