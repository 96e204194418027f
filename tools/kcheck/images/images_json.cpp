#include <nlohmann/json.hpp>

#include "checkpoint/describe.h"
#include "images/images_command.h"

namespace cg {
namespace {

using namespace checkpoint;
using Json = nlohmann::ordered_json;

void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

Json to_object(const RegularFile& file) {
  Json object{{"path", file.path}};
  if (file.size) object["size"] = *file.size;
  if (file.mode) object["mode"] = *file.mode;
  put(object, "build_id", file.build_id);
  if (file.mount >= 0) object["mount"] = file.mount;
  if (file.external) object["external"] = true;
  return object;
}

Json to_object(const Checkpoint& checkpoint, const OpenFile& file) {
  Json object{{"id", file.id}, {"kind", kind_name(file.kind)}};
  if (file.regular)
    object.update(to_object(*file.regular));
  else
    object["what"] = describe(checkpoint, file);
  return object;
}

Json to_object(const Task& task) {
  Json object{{"pid", task.pid},         {"parent", task.parent}, {"group", task.group},
              {"session", task.session}, {"name", task.name},     {"threads", task.threads}};
  put(object, "state", state_name(task));
  if (!task.is_alive()) return object;
  object["user"] = task.user;
  object["pages"] = {
      {"stored", task.pages.stored}, {"in_parent", task.pages.in_parent}, {"lazy", task.pages.lazy}};
  object["mapped_bytes"] = task.mapped_bytes;
  object["mappings"] = task.mappings.size();
  if (task.program) object["program"] = *task.program;
  if (task.directory) object["directory"] = *task.directory;
  if (task.seccomp) object["seccomp"] = true;
  put(object, "security_label", task.security_label);
  object["descriptors"] = Json::array();
  for (const auto& one : task.descriptors)
    object["descriptors"].push_back({{"fd", one.number}, {"kind", kind_name(one.kind)}, {"file", one.file}});
  return object;
}

Json to_object(const Mount& mount) {
  Json object{{"id", mount.id},     {"parent", mount.parent},    {"mountpoint", mount.mountpoint},
              {"root", mount.root}, {"type", mount_type(mount)}, {"source", mount.source}};
  if (mount.external) object["key"] = mount.key;
  if (mount.shared != 0) object["shared"] = mount.shared;
  if (mount.master != 0) object["master"] = mount.master;
  return object;
}

Json own_namespaces(const Checkpoint& checkpoint) {
  Json own = Json::array();
  const auto add = [&](const char* name, std::uint32_t Objects::*kind) {
    if (checkpoint.own(kind)) own.push_back(name);
  };
  add("pid", &Objects::pid);
  add("mnt", &Objects::mount);
  add("net", &Objects::net);
  add("ipc", &Objects::ipc);
  add("uts", &Objects::uts);
  add("user", &Objects::user);
  add("cgroup", &Objects::cgroup);
  add("time", &Objects::time);
  return own;
}

}  // namespace

std::string images_json(const Checkpoint& all) {
  Json document;
  document["schema"] = "criu-guest.kcheck-images/1";
  document["name"] = all.name;
  document["version"] = all.inventory.version;
  put(document, "criu", all.criu);
  put(document, "kernel", all.kernel);
  put(document, "architecture", all.architecture());
  if (all.frozen_microseconds) document["frozen_microseconds"] = *all.frozen_microseconds;
  document["bytes"] = all.bytes();
  document["compressed"] = all.inventory.compression != 0;
  document["pre_dumps"] = all.parents;
  document["namespaces"] = own_namespaces(all);
  document["processes"] = Json::array();
  for (const auto& task : all.tasks) document["processes"].push_back(to_object(task));
  document["files"] = Json::array();
  for (const auto& [id, file] : all.files) document["files"].push_back(to_object(all, file));
  document["mounts"] = Json::array();
  for (const auto& mount : all.mounts) document["mounts"].push_back(to_object(mount));
  document["network_devices"] = Json::array();
  for (const auto& device : all.devices)
    document["network_devices"].push_back({{"name", device.name}, {"kind", device_kind_name(device.kind)}});
  document["locks"] = all.locks.size();
  document["images"] = Json::object();
  for (const auto& [file, size] : all.image_sizes) document["images"][file] = size;
  document["beside"] = Json::object();
  for (const auto& [file, size] : all.beside) document["beside"][file] = size;
  document["problems"] = Json::array();
  for (const auto& problem : all.problems)
    document["problems"].push_back({{"file", problem.file},
                                    {"kind", problem.kind == Problem::Kind::missing ? "missing" : "damaged"},
                                    {"what", problem.what}});
  // Names are bytes; those that are no UTF-8 must not make the output invalid.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg
