// guest-checkpoint as a program that is asked: its words go out, its document comes back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::demo {

// The document (docs/guest-checkpoint.schema.json), also of a call that refused or failed; an error where
// there is none.
Result<nlohmann::ordered_json> ask_guest_checkpoint(std::vector<std::string> words);

// Why it did not come to `verdict` ("dumped", "restored"), with findings, cause and notes; "" when it did.
std::string why_not(const nlohmann::ordered_json& document, const std::string& verdict);

}  // namespace cg::demo
