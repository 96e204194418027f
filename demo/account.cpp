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
  Json checks = Json::array();
  for (const Finding& finding : account.findings)
    checks.push_back({{"name", finding.name}, {"held", finding.held}, {"detail", finding.detail}});

  Json json{
      {"schema", "criu-guest.demo"},
      {"version", 2},
      {"ok", account.ok()},
      {"kernel", account.kernel},
      {"criu", {{"path", plan.criu.string()}, {"version", account.dump.value("criu", "")}}},
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
      {"dump", account.dump},
      {"restore", account.restore},
      {"seconds",
       {{"pause", milliseconds(account.pause_seconds)},
        {"dump", milliseconds(account.dump_seconds)},
        {"restore", milliseconds(account.restore_seconds)}}},
      {"states",
       {{"at_dump", describe(account.at_dump)},
        {"restored", describe(account.restored)},
        {"after", describe(account.after)}}},
      {"checks", checks},
      {"without", plan.without},
  };
  if (!account.failed_step.empty())
    json["failure"] = {{"step", account.failed_step}, {"message", account.failure.message}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cg::demo
