#include "stored/record.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/host.h"

namespace cg::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* schema = "criu-guest.checkpoint/1";
constexpr std::string_view open_question = "fd[N]:";

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

Record make_record(const tree::Preflight& preflight, const Version& criu) {
  const auto& snapshot = preflight.snapshot;
  Record record;
  record.criu = criu.text();
  record.kernel = host_release();
  record.created = now();
  record.pid = snapshot.root().pid;
  for (const auto& task : snapshot.tasks) record.tasks.push_back(task.pid);
  record.own_pids = snapshot.has_own(tree::Namespace::pid);
  record.own_mounts = snapshot.has_own(tree::Namespace::mount);
  record.restore = preflight.restore;
  record.environment = preflight.environment;
  for (const auto& word : record.restore) {
    if (!word.starts_with(open_question)) continue;
    const std::string key = word.substr(open_question.size());
    for (const auto& file : snapshot.root().files)
      if (file.link == key && file.fd >= 0) {
        record.descriptors.emplace(key, file.fd);
        break;
      }
  }
  return record;
}

std::string to_json(const Record& record) {
  Json json{{"schema", schema},
            {"target", record.target},
            {"container", record.container},
            {"bundle", record.bundle},
            {"criu", record.criu},
            {"kernel", record.kernel},
            {"created", record.created},
            {"pid", record.pid},
            {"tasks", record.tasks},
            {"own_pid_namespace", record.own_pids},
            {"own_mount_namespace", record.own_mounts},
            {"left_running", record.left_running},
            {"restore", record.restore},
            {"environment", record.environment},
            {"descriptors", Json::object()}};
  for (const auto& [key, fd] : record.descriptors) json["descriptors"][key] = fd;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Record> parse_record(const std::string& text, const std::string& name) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("schema", Json()) != schema)
    return refused(fmt::format("{}: not a record of guest-checkpoint ({})", name, schema));
  Record record;
  try {
    record.target = json.at("target").get<std::string>();
    record.container = json.at("container").get<std::string>();
    record.bundle = json.at("bundle").get<std::string>();
    record.criu = json.at("criu").get<std::string>();
    record.kernel = json.at("kernel").get<std::string>();
    record.created = json.at("created").get<std::string>();
    record.pid = json.at("pid").get<int>();
    record.tasks = json.at("tasks").get<std::vector<int>>();
    record.own_pids = json.at("own_pid_namespace").get<bool>();
    record.own_mounts = json.at("own_mount_namespace").get<bool>();
    record.left_running = json.at("left_running").get<bool>();
    record.restore = json.at("restore").get<std::vector<std::string>>();
    record.environment = json.at("environment").get<std::vector<std::string>>();
    record.descriptors = json.at("descriptors").get<std::map<std::string, int>>();
  } catch (const Json::exception& error) {
    return refused(fmt::format("{}: {}", name, error.what()));
  }
  return record;
}

Result<std::optional<Record>> load_record(const std::filesystem::path& directory) {
  const auto path = directory / record_name;
  std::error_code none;
  if (!std::filesystem::exists(path, none)) return std::optional<Record>();
  CG_TRY(text, read_file(path, 16 << 20));
  CG_TRY(record, parse_record(text, path.string()));
  return record;
}

}  // namespace cg::checkpoint
