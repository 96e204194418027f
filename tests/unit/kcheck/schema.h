// Checks a JSON document against the part of JSON Schema that docs/kcheck.schema.json uses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cg {

// "" when `value` is valid, else the path and the reason of the first violation.
std::string schema_violation(const nlohmann::json& value, const nlohmann::json& schema,
                             const nlohmann::json& root, const std::string& path = "$");

}  // namespace cg
