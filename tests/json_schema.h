// Checks a JSON document against the part of JSON Schema that the files under docs/ use.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"

namespace cg {

// "" when `value` is valid, else the path and the reason of the first violation.
inline std::string schema_violation(const nlohmann::json& value, const nlohmann::json& schema,
                                    const nlohmann::json& root, const std::string& path = "$");

namespace json_schema {

using Json = nlohmann::json;

inline bool has_type(const Json& value, const std::string& type) {
  static const std::map<std::string, bool (Json::*)() const noexcept> types = {
      {"object", &Json::is_object},          {"array", &Json::is_array},   {"string", &Json::is_string},
      {"integer", &Json::is_number_integer}, {"number", &Json::is_number}, {"boolean", &Json::is_boolean}};
  return (value.*types.at(type))();
}

inline std::string object_violation(const Json& value, const Json& schema, const Json& root,
                                    const std::string& path) {
  for (const auto& key : schema.value("required", Json::array()))
    if (!value.contains(key.get<std::string>())) return path + ": lacks " + key.get<std::string>();
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [key, member] : value.items()) {
    const std::string at = path + "." + key;
    if (properties.contains(key)) {
      if (auto bad = schema_violation(member, properties[key], root, at); !bad.empty()) return bad;
    } else if (schema.contains("additionalProperties")) {
      const Json& others = schema["additionalProperties"];
      if (others.is_boolean() && !others.get<bool>()) return at + ": not in the schema";
      if (others.is_object())
        if (auto bad = schema_violation(member, others, root, at); !bad.empty()) return bad;
    }
  }
  return "";
}

// Of several kinds of document: what is wrong with the one that names itself so.
inline std::string violation_of_each(const Json& value, const Json& schema, const Json& root,
                                     const std::string& path) {
  std::string violation = path + ": is none of the alternatives";
  for (const Json& one : schema["anyOf"]) {
    const auto bad = schema_violation(value, one, root, path);
    if (bad.empty()) return "";
    if (!bad.starts_with(path + ".schema:")) violation = bad;
  }
  return violation;
}

}  // namespace json_schema

inline std::string schema_violation(const nlohmann::json& value, const nlohmann::json& schema,
                                    const nlohmann::json& root, const std::string& path) {
  using json_schema::Json;
  if (schema.contains("anyOf")) return json_schema::violation_of_each(value, schema, root, path);
  if (schema.contains("$ref")) {
    const auto pointer = schema["$ref"].get<std::string>().substr(1);
    return schema_violation(value, root.at(Json::json_pointer(pointer)), root, path);
  }
  if (schema.contains("const") && value != schema["const"]) return path + ": not " + schema["const"].dump();
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    return path + ": " + value.dump() + " is none of " + schema["enum"].dump();
  if (schema.contains("type") && !json_schema::has_type(value, schema["type"]))
    return path + ": not a " + schema["type"].get<std::string>();
  if (value.is_object()) return json_schema::object_violation(value, schema, root, path);
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto bad = schema_violation(value[i], schema["items"], root, path + "[" + std::to_string(i) + "]");
          !bad.empty())
        return bad;
  return "";
}

// The same for what a tool printed and a file under docs/.
inline std::string violation_of(const std::string& printed, const std::string& schema_file) {
  const auto text = read_file(std::filesystem::path(CG_SOURCE_DIR) / "docs" / schema_file);
  if (!text) return text.error().message;
  const auto schema = nlohmann::json::parse(*text);
  const auto value = nlohmann::json::parse(printed, nullptr, false);
  return value.is_discarded() ? "no JSON" : schema_violation(value, schema, schema);
}

}  // namespace cg
