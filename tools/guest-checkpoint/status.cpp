#include "status.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/text.h"
#include "document.h"
#include "guard/run_lock.h"
#include "living.h"
#include "stored/images.h"
#include "stored/record.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;

// DIR.tmp: a dump that is being taken, or what a killed one has left.
Result<void> tell_of_unfinished(const fs::path& directory, Document& document) {
  const std::string unfinished = directory.string() + ".tmp";
  std::error_code none;
  if (!fs::is_directory(unfinished, none))
    return cannot(directory.string() + ": there is no such checkpoint");
  const bool at_work = !lock_directory(unfinished, unfinished).has_value();
  document.verdict = at_work ? "in-progress" : "abandoned";
  document.exit_status = exit_no;
  document.headline = at_work
                          ? fmt::format("IN PROGRESS: {} is being written", unfinished)
                          : fmt::format(
                                "NONE: {} is what a killed run has left; its tasks were let go on, and it "
                                "can be removed",
                                unfinished);
  return {};
}

Result<Document> status_of(const std::string& what) {
  Document document;
  document.action = "status";
  fs::path directory = fs::absolute(what).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  document.directory = directory.string();
  std::error_code none;
  if (!fs::is_directory(directory, none)) {
    CG_CHECK(tell_of_unfinished(directory, document));
    return document;
  }
  CG_TRY(record, load_record(directory));
  CG_TRY(images, look_at_checkpoint(directory));
  document.bytes = {{"images", images.images.bytes()}, {"memory", images.memory_bytes()}};
  if (const double frozen = images.frozen_seconds(); frozen > 0)
    document.seconds.emplace_back("frozen", frozen);
  if (record) {
    document.target = record->target;
    document.pid = record->pid;
    document.criu = record->criu;
    document.notes.push_back(
        fmt::format("taken {} on Linux {} with CRIU {}", record->created, record->kernel, record->criu));
    if (record->left_running) document.notes.emplace_back("the tasks were left behind");
  }
  if (!images.flaws.empty()) {
    document.verdict = "broken";
    document.exit_status = exit_no;
    document.headline = fmt::format("BROKEN: {}", join(images.flaws, "; "));
    return document;
  }
  document.verdict = "whole";
  document.headline = fmt::format("WHOLE: {}, {} process{}, {} thread{}",
                                  record ? record->target : "a checkpoint of another program",
                                  images.images.tasks.size(), images.images.tasks.size() == 1 ? "" : "es",
                                  images.threads(), images.threads() == 1 ? "" : "s");
  return document;
}

}  // namespace

Command status_command() {
  const auto what = std::make_shared<std::string>();
  return {.name = "status",
          .help = "Say what a checkpoint's directory holds, and whether it is whole",
          .options = {{"DIR", what.get(), "The directory", {.required = true}}},
          .examples = {{"guest-checkpoint status /var/ckpt/web", "exit status 0: whole"}},
          .run = [what](Context& context) -> Result<int> {
            CG_TRY(document, status_of(*what));
            return say(document, context);
          }};
}

}  // namespace cg::checkpoint
