// The tables of the proof, as Markdown.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "workload.h"

namespace cg::proof {

using Answers = std::vector<nlohmann::ordered_json>;  // of try_row()
// Refused: a line that is none.
Result<Answers> load_answers(const std::vector<std::string>& files);

// A line for each row.
std::string long_table(const std::vector<Workload>& workloads, const Answers& answers);
// A line for each workload, a column for each place.
std::string short_table(const std::vector<Workload>& workloads, const Answers& answers);

}  // namespace cg::proof
