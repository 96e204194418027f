// The account of a demonstration as JSON.
#include <cmath>
#include <nlohmann/json.hpp>

#include "demonstration.h"

namespace cg::demo {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds(double seconds) {
  return std::round(seconds * 1000) / 1000;
}  // no digits that mean nothing

Json describe(const State& state) {
  return {{"counter", state.counter},
          {"pid", state.pid},
          {"sid", state.sid},
          {"child", state.child},
          {"child_progress", state.child_progress},
          {"tids", state.tids},
          {"progress", state.progress},
          {"timer_ticks", state.timer_ticks},
          {"memory_intact", state.memory_intact},
          {"memory_checksum", state.memory_checksum},
          {"slices_verified", state.slices_verified},
          {"file_offset", state.file_offset},
          {"records_intact", state.records_intact},
          {"input_lines", state.input_lines}};
}

}  // namespace

std::string to_json(const Plan& plan, const Account& account) {
  Json without = Json::array();
  for (const auto& name : omission_names())
    if (const auto omission = parse_omission(name); omission && plan.omit.contains(*omission))
      without.push_back(name);
  Json checks = Json::array();
  for (const Finding& finding : account.findings)
    checks.push_back({{"name", finding.name}, {"held", finding.held}, {"detail", finding.detail}});

  Json json{
      {"schema", "criu-guest.demo"},
      {"version", 1},
      {"ok", account.ok()},
      {"kernel", account.kernel},
      {"propagation_of_other_namespaces", account.propagation == PropagationRule::any_namespace},
      {"criu", {{"path", plan.criu.string()}, {"version", account.criu.text()}}},
      {"pid", account.pid},
      {"restored_pid", account.restored_pid},
      {"pid_in_namespace", account.before.pid},
      {"restored_pid_in_namespace", account.restored.pid},
      {"counters",
       {{"before", account.before.counter},
        {"at_dump", account.at_dump.counter},
        {"restored", account.restored.counter},
        {"after", account.after.counter}}},
      {"paused", account.paused},
      {"gone_in_between", account.gone_in_between},
      {"dump_options", account.dump_command},
      {"restore_options", account.restore_command},
      {"seconds",
       {{"pause", milliseconds(account.pause_seconds)},
        {"dump", milliseconds(account.dump_seconds)},
        {"restore", milliseconds(account.restore_seconds)}}},
      {"images", {{"files", account.image_files}, {"bytes", account.image_bytes}}},
      {"states",
       {{"at_dump", describe(account.at_dump)},
        {"restored", describe(account.restored)},
        {"after", describe(account.after)}}},
      {"checks", checks},
      {"without", without},
  };
  if (!account.failed_step.empty())
    json["failure"] = {{"step", account.failed_step},
                       {"message", account.failure.message},
                       {"hung", account.hung},
                       {"errors", account.log_errors},
                       {"log_tail", account.log_tail}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg::demo
