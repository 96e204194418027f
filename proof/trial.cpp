#include "trial.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/host.h"
#include "base/process.h"
#include "base/text.h"
#include "guest_checkpoint.h"
#include "place.h"
#include "state.h"
#include "streams.h"

namespace cg::proof {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// An emulated guest compiles Java before it serves.
constexpr std::chrono::seconds limit{240};

double rounded(double seconds) {
  return std::round(seconds * 1000) / 1000;
}

class Trial {
 public:
  Trial(const Row& row, const Workload& workload, const Programs& programs)
      : row_(row), workload_(workload), programs_(programs) {}
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  Result<void> start();
  Result<void> dump();
  Result<void> gone();
  Result<void> restore();
  Result<void> state();
  Json& account() { return account_; }

 private:
  Result<void> tell_client();
  void reap_all_but_the_client();
  std::string last_words() const;
  void ask_criu_all_the_same();

  const Row& row_;
  const Workload& workload_;
  const Programs& programs_;
  Json account_;
  Started tree_;
  std::optional<demo::Streams> client_;
  pid_t client_pid_ = 0;
};

Trial::~Trial() {
  if (client_pid_ > 0) kill(client_pid_, SIGKILL);
}

// The client's, or else the tree's.
std::string Trial::last_words() const {
  std::string words;
  if (client_)
    for (auto* reader :
         {&const_cast<demo::Streams&>(*client_).output(), &const_cast<demo::Streams&>(*client_).errors()})
      for (const auto& line : reader->lines()) words += line + "\n";
  return last_lines(words + read_file(fs::path(work) / "out.log").value_or(""), 8);
}

// The pid lies in a file, because it is another one when a container comes back.
Result<void> Trial::tell_client() {
  return write_file_atomically(fs::path(work) / "pid", std::to_string(tree_.pid));
}

Result<void> Trial::start() {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  CG_CHECK(make_directories(work));
  CG_CHECK(write_file_atomically(fs::path(work) / "records", demo::records_file()));
  CG_TRY(tree, start_in(row_.place, workload_.start));
  tree_ = std::move(tree);
  CG_CHECK(tell_client());
  CG_TRY(prelude, read_file(programs_.prelude));
  CG_CHECK(write_file_atomically(fs::path(work) / "client.sh", prelude + workload_.client));
  CG_TRY(streams, demo::Streams::make());
  client_ = std::move(streams);
  client_pid_ = fork();
  if (client_pid_ < 0) return cannot_errno("fork", errno);
  if (client_pid_ == 0) {
    for (int fd = 0; fd < 3; ++fd) dup2(client_->inner(static_cast<std::size_t>(fd)), fd);
    signal(SIGPIPE, SIG_DFL);
    setenv("WORK", work, 1);
    execl("/bin/bash", "/bin/bash", fmt::format("{}/client.sh", work).c_str(), nullptr);
    _exit(127);
  }
  client_->handed_over();
  if (!client_->output().wait(0, limit, [](const std::string& line) { return line == "ready"; }))
    return cannot("the client was not ready: " + last_words());
  return {};
}

// A word too much is better than one too few: what is refused then is so for what the tree is.
void Trial::ask_criu_all_the_same() {
  const fs::path images = fs::path(work) / "refused";
  if (!make_directories(images)) return;
  ProcessOptions options;
  options.timeout = std::chrono::seconds(60);
  const auto answer =
      run({programs_.criu, "dump", "--tree", std::to_string(tree_.pid), "--images-dir", images, "-v4",
           "--log-file", "dump.log", "--leave-running", "--shell-job", "--tcp-established", "--ext-unix-sk",
           "--file-locks", "--link-remap", "--ghost-limit", "100M", "--external", "mnt[]"},
          options);
  if (!answer) return;
  std::vector<std::string> errors;
  for (const auto line : split_lines(read_file(images / "dump.log").value_or("")))
    if (line.contains("Error (") && errors.size() < 2) errors.emplace_back(line.substr(line.find("Error (")));
  account_["criu_says"] = answer->timed_out     ? "nothing: it hangs"
                          : answer->status == 0 ? "nothing: it dumps"
                                                : join(errors, " | ");
}

Result<void> Trial::dump() {
  std::vector<std::string> words{programs_.guest_checkpoint, "dump"};
  words.insert(words.end(), tree_.target.begin(), tree_.target.end());
  words.insert(words.end(), {"-D", "/var/lib/proof-images", "--archive", "/var/lib/proof-images.tar.zst",
                             "--criu", programs_.criu, "--timeout", std::to_string(limit.count())});
  CG_TRY(said, demo::ask_guest_checkpoint(words));
  const std::string verdict = said.value("verdict", "");
  account_["kcheck"] = verdict == "refused" ? "NOT READY" : verdict == "unknown" ? "NOT KNOWN" : "READY";
  for (const Json& finding : said.value("findings", Json::array()))
    account_["findings"].push_back(fmt::format("{}: {}: {}", finding.value("id", ""),
                                               finding.value("title", ""), finding.value("seen", "")));
  if (verdict == "refused") ask_criu_all_the_same();
  if (const auto why = demo::why_not(said, "dumped"); !why.empty()) return refused(why);
  const Json& seconds = said["seconds"];
  account_["seconds"]["dump"] = rounded(seconds.value("total", 0.0) - seconds.value("archive", 0.0));
  account_["seconds"]["frozen"] = rounded(seconds.value("frozen", 0.0));
  account_["bytes"] = {{"images", said["bytes"].value("images", 0ULL)},
                       {"archive", said["bytes"].value("archive", 0ULL)}};
  account_["options"] = said["commands"]["dump"];
  return {};
}

// Orphans of the tree are ours, also those that it has started since it was looked at; a dead one holds its
// number, and that of its session.
void Trial::reap_all_but_the_client() {
  for (;;) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0 ||
        ended.si_pid == client_pid_)
      return;
    waitpid(ended.si_pid, nullptr, 0);
  }
}

Result<void> Trial::gone() {
  CG_TRY(text, read_file("/var/lib/proof-images/guest-checkpoint.json"));
  const Json record = Json::parse(text, nullptr, false);
  const auto tasks = record.value("tasks", std::vector<int>());
  if (tasks.empty()) return refused("the record of the checkpoint names no tasks");
  const auto is_there = [](int pid) { return access(fmt::format("/proc/{}", pid).c_str(), F_OK) == 0; };
  for (int look = 0; look < 100; ++look) {
    reap_all_but_the_client();
    if (std::ranges::none_of(tasks, is_there)) {
      forget(row_.place);
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return refused("tasks of the tree are still there after the dump");
}

Result<void> Trial::restore() {
  CG_TRY(said, demo::ask_guest_checkpoint({programs_.guest_checkpoint, "restore", "/var/lib/proof-images",
                                           "--detach", "--criu", programs_.criu, "--timeout",
                                           std::to_string(limit.count())}));
  if (const auto why = demo::why_not(said, "restored"); !why.empty()) return refused(why);
  account_["seconds"]["restore"] = rounded(said["seconds"].value("total", 0.0));
  tree_.pid = said.value("pid", 0);
  return tell_client();
}

Result<void> Trial::state() {
  CG_CHECK(client_->send_line());
  const bool ended = client_->output().wait_end(limit);
  int status = 0;
  if (!ended || waitpid(client_pid_, &status, 0) != client_pid_)
    return refused("the client got no answer: " + last_words());
  client_pid_ = 0;
  if (status != 0) return refused("the client does not find the state: " + last_words());
  account_["held"] = client_->output().lines().back();
  return {};
}

}  // namespace

Json try_row(const Row& row, const Workload& workload, const Programs& programs) {
  Trial trial(row, workload, programs);
  Json& account = trial.account();
  account = {{"row", row.name()}, {"kernel", host_release()}};
  using Step = Result<void> (Trial::*)();
  constexpr std::array<std::pair<const char*, Step>, 5> steps{{{"start", &Trial::start},
                                                               {"dump", &Trial::dump},
                                                               {"gone", &Trial::gone},
                                                               {"restore", &Trial::restore},
                                                               {"state", &Trial::state}}};
  for (const auto& [name, step] : steps)
    if (const auto done = (trial.*step)(); !done) {
      account["result"] = account.value("kcheck", "READY") != "READY" ? "refused" : name;
      account["why"] = done.error().message;
      return account;
    }
  account["result"] = "restored";
  return account;
}

}  // namespace cg::proof
