#include "schema.h"

#include <algorithm>
#include <map>

namespace cg {
namespace {

using Json = nlohmann::json;

bool has_type(const Json& value, const std::string& type) {
  static const std::map<std::string, bool (Json::*)() const noexcept> types = {
      {"object", &Json::is_object},
      {"array", &Json::is_array},
      {"string", &Json::is_string},
      {"integer", &Json::is_number_integer},
      {"boolean", &Json::is_boolean}};
  return (value.*types.at(type))();
}

std::string object_violation(const Json& value, const Json& schema, const Json& root,
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

}  // namespace

std::string schema_violation(const Json& value, const Json& schema, const Json& root,
                             const std::string& path) {
  if (schema.contains("$ref")) {
    const auto pointer = schema["$ref"].get<std::string>().substr(1);
    return schema_violation(value, root.at(Json::json_pointer(pointer)), root, path);
  }
  if (schema.contains("const") && value != schema["const"]) return path + ": not " + schema["const"].dump();
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    return path + ": " + value.dump() + " is none of " + schema["enum"].dump();
  if (schema.contains("type") && !has_type(value, schema["type"]))
    return path + ": not a " + schema["type"].get<std::string>();
  if (value.is_object()) return object_violation(value, schema, root, path);
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto bad = schema_violation(value[i], schema["items"], root, path + "[" + std::to_string(i) + "]");
          !bad.empty())
        return bad;
  return "";
}

}  // namespace cg
