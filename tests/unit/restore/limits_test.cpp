// What the place of a restore has none of: numbers, namespaces, room, terminals, locks. And the opposite of
// each, in which nothing is said.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "criu/command.h"
#include "criu/options.h"
#include "restore/checks/checks.h"
#include "temporary_directory.h"

namespace cg::restore {
namespace {

using checkpoint::Checkpoint;
using checkpoint::FileKind;
using checkpoint::FileLock;

struct FakeFiles final : Files {
  std::map<std::string, Seen> there;
  std::uint64_t free = 1000;
  bool read_only = false;
  bool locked = false;

  Result<std::optional<Seen>> look(const std::string& path) const override {
    const auto found = there.find(path);
    return found == there.end() ? std::nullopt : std::optional(found->second);
  }
  Result<std::string> build_id(const std::string&) const override { return ""; }
  bool is_read_only(const std::string&) const override { return read_only; }
  std::optional<Room> room(const std::string&) const override { return Room{7, free}; }
  bool is_locked(const std::string&, const FileLock&) const override { return locked; }
};

// A process with one file open, and kernel objects of which some are its own.
class Limits : public testing::Test {
 protected:
  Limits() {
    checkpoint::Task task;
    task.pid = task.session = task.group = 30000;
    task.threads = {30000, 30001};
    task.objects =
        images.of_criu = {.pid = 1, .net = 2, .ipc = 3, .uts = 4, .mount = 5, .user = 6, .time = 8};
    task.descriptors = {{3, FileKind::regular, 11}};
    images.tasks = {task};
    images.inventory.version = 2;
    checkpoint::OpenFile file{.kind = FileKind::regular, .id = 11};
    file.regular = checkpoint::RegularFile{.path = "/d/file", .flags = O_RDWR, .mode = S_IFREG | 0644};
    images.files = {{11, file}};
    files.there["/d/file"] = {S_IFREG | 0644, 0};
    place.files = place.host = &files;
    place.setting = [this](const std::string& name) -> std::optional<std::uint64_t> {
      const auto found = settings.find(name);
      return found == settings.end() ? std::nullopt : std::optional(found->second);
    };
  }

  std::vector<std::string> ids(const Version& criu = {{4, 2, 1}},
                               const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"criu", "restore"};
    words.insert(words.end(), more.begin(), more.end());
    const Options options(parse_criu_command(builtin_option_table().value(), criu, words));
    std::vector<std::string> result;
    for (const auto& finding : check_all({images, criu, options, place})) result.push_back(finding.id);
    return result;
  }
  using Ids = std::vector<std::string>;

  Checkpoint images;
  FakeFiles files;
  Place place;
  std::map<std::string, std::uint64_t> settings{{"kernel/pid_max", 32768}, {"user/max_ipc_namespaces", 100}};
};

TEST_F(Limits, NothingIsSaidWhereThereIsEnough) {
  images.tasks[0].objects.ipc = 33;
  images.tasks[0].most_descriptors = 1024;
  settings["fs/nr_open"] = 1024;
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, ANumberBeyondPidMax) {
  settings["kernel/pid_max"] = 30001;  // the first that is not handed out, and a thread's
  EXPECT_EQ(ids(), Ids{"restore.pid-beyond-limit"});
  settings["kernel/pid_max"] = 30002;
  EXPECT_EQ(ids(), Ids{});
  settings["kernel/pid_max"] = 20000;  // CRIU raises it to the process's number and one more
  EXPECT_EQ(ids(), Ids{"restore.pid-beyond-limit"});
  images.tasks[0].threads = {30000};
  EXPECT_EQ(ids(), Ids{});
  settings["kernel/pid_max"] = 30000;  // which it does not do here
  EXPECT_EQ(ids(), Ids{"restore.pid-beyond-limit"});
}

TEST_F(Limits, ANamespaceOfWhichNoneIsAllowed) {
  settings["user/max_ipc_namespaces"] = 0;
  EXPECT_EQ(ids(), Ids{}) << "the tree has none of its own";
  images.tasks[0].objects.ipc = 33;
  EXPECT_EQ(ids(), Ids{"restore.namespace-limit"});
}

TEST_F(Limits, MoreDescriptorsThanTheKernelAllows) {
  images.tasks[0].most_descriptors = 1 << 20;
  settings["fs/nr_open"] = 1024;
  EXPECT_EQ(ids(), Ids{"restore.descriptor-limit"});
  images.tasks[0].descriptors[0].number = 1024;
  EXPECT_EQ(ids(), (Ids{"restore.descriptor-limit", "restore.descriptor-beyond-limit"}));
}

TEST_F(Limits, AFileWithoutANameWantsRoom) {
  images.remaps = {{.file = 11, .other = 0x1f, .kind = checkpoint::Remap::Kind::ghost}};
  images.image_sizes["ghost-file-1f.img"] = 900;
  EXPECT_EQ(ids(), Ids{});
  files.free = 100;
  EXPECT_EQ(ids(), Ids{"restore.no-room"});
}

TEST_F(Limits, ALockThatSomebodyHolds) {
  files.locked = true;
  EXPECT_EQ(ids(), Ids{});
  images.locks = {{.kind = FileLock::Kind::posix, .pid = 30000, .descriptor = 3, .write = true}};
  EXPECT_EQ(ids(), Ids{"restore.lock-taken"});
  images.locks[0].descriptor = 4;  // none of its descriptors
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, ATerminalWhoseNumberIsTaken) {
  auto& terminal = images.files[12];
  terminal = {.kind = FileKind::terminal, .id = 12};
  terminal.object = (3U << 1) | 1;  // the master of number 3
  terminal.name = 13;
  images.files[13] = {.kind = FileKind::regular, .id = 13};
  images.files[13].regular = checkpoint::RegularFile{.path = "/dev/ptmx"};
  images.terminals[terminal.object] = {.id = terminal.object, .index = 3};
  EXPECT_EQ(ids(), Ids{});
  files.there["/dev/pts/3"] = {S_IFCHR | 0620, 0};
  EXPECT_EQ(ids(), Ids{"restore.terminal-taken"});
  images.terminals.begin()->second.index = 4;
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, PagesThatAnOlderCriuTakesForNone) {
  images.tasks[0].pages.wide = true;
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(ids({{4, 2, 0}}), Ids{});
  EXPECT_EQ(ids({{4, 1, 1}}), Ids{"restore.page-count"});
}

TEST_F(Limits, CgroupsAreWhatTheModeWantsThemToBe) {
  images.tasks[0].cgroups = 2;
  images.cgroups = {{1, "", "/criu"}, {2, "", "/"}, {2, "", "/tasks"}};
  const auto with = [&](const std::string& mode) { return ids({{4, 2, 1}}, {"--manage-cgroups=" + mode}); };
  EXPECT_EQ(with("strict"), Ids{"restore.unseen"}) << "the hierarchy is not known";
  files.there["/sys/fs/cgroup/cgroup.controllers"] = {S_IFREG | 0444, 0};
  for (const char* mode : {"none", "props"}) EXPECT_EQ(with(mode), Ids{"restore.cgroup-missing"}) << mode;
  for (const char* mode : {"strict", "soft", "full", "ignore"}) EXPECT_EQ(with(mode), Ids{}) << mode;
  files.there["/sys/fs/cgroup/tasks"] = {S_IFDIR | 0755, 0};
  EXPECT_EQ(with("strict"), Ids{"restore.cgroup-exists"});
  for (const char* mode : {"none", "props", "soft", "full", "ignore"}) EXPECT_EQ(with(mode), Ids{}) << mode;
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(ids({{4, 2, 1}}, {"--manage-cgroups=strict", "--cgroup-root", "/elsewhere"}), Ids{});
  images.cgroups = {{2, "memory", "/older"}};  // how it is mounted here is not known
  for (const char* mode : {"strict", "none", "props"}) EXPECT_EQ(with(mode), Ids{"restore.unseen"}) << mode;
  EXPECT_EQ(with("soft"), Ids{});
}

TEST_F(Limits, RulesOfThePacketFilterWantWhatHasWrittenThem) {
  images.image_sizes = {{"nftables-10.img", 0}, {"iptables-10.img", 0}, {"ip6tables-10.img", 0}};
  RulePrograms programs;
  place.rule_programs = [&](const std::string& name) {
    return name == "ip6tables" ? programs : RulePrograms{};
  };
  EXPECT_EQ(ids(), Ids{}) << "no rules";

  images.image_sizes["nftables-10.img"] = 20;
  EXPECT_EQ(ids(), Ids{"restore.nftables"}) << "which criu it will be is not known";
  place.has_libnftables = true;
  EXPECT_EQ(ids(), Ids{});
  place.has_libnftables = false;
  EXPECT_EQ(ids(), Ids{"restore.libnftables-missing"});

  images.image_sizes = {{"ip6tables-10.img", 20}};
  for (const std::optional<bool> linked : {std::optional<bool>(), std::optional(false), std::optional(true)})
    for (const bool any : {false, true})
      for (const bool legacy : {false, true}) {
        place.has_libnftables = linked;
        programs = {.any = any, .legacy = legacy};
        const bool good = linked ? (*linked ? legacy : any) : any || legacy;
        EXPECT_EQ(ids(), good ? Ids{} : Ids{"restore.rule-program"}) << any << legacy;
      }
  place.rule_programs = nullptr;  // not here
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, ALabelOfAModuleThatIsNotHere) {
  images.inventory.security_module = 2;
  images.tasks[0].security_label = "docker-default";
  EXPECT_EQ(ids(), Ids{}) << "what is there is not known";
  place.security_module = 0;
  EXPECT_EQ(ids(), Ids{"restore.security-module"});
  place.security_module = 2;
  EXPECT_EQ(ids(), Ids{});
  place.security_module = 1;
  images.tasks[0].security_label.clear();
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, AFifoIsLookedForByItsName) {
  images.tasks[0].descriptors = {{3, FileKind::fifo, 12}};
  images.files[12] = {.kind = FileKind::fifo, .id = 12};
  images.files[12].name = 11;
  images.files[11].regular->mode = S_IFIFO | 0644;
  files.there["/d/file"] = {S_IFIFO | 0644, 0};
  EXPECT_EQ(ids(), Ids{});
  files.there["/d/file"] = {S_IFREG | 0644, 0};
  EXPECT_EQ(ids(), Ids{"restore.file-type"});
  files.there.clear();
  EXPECT_EQ(ids(), Ids{"restore.file-missing"});
}

TEST_F(Limits, ASocketInADirectoryThatIsReadOnly) {
  images.files[12] = {.kind = FileKind::unix_socket, .id = 12};
  images.files[12].local = checkpoint::UnixSocket{.type = 2, .state = 7, .name = "/d/socket"};
  files.there["/d"] = {S_IFDIR | 0755, 0};
  EXPECT_EQ(ids(), Ids{});
  files.read_only = true;
  const auto found = ids();
  EXPECT_TRUE(std::ranges::find(found, "restore.socket-read-only") != found.end());
}

TEST_F(Limits, AFileThatHasTheNameOfASocket) {
  images.files[12] = {.kind = FileKind::unix_socket, .id = 12};
  images.files[12].local = checkpoint::UnixSocket{.type = 2, .state = 7, .name = "/d/socket"};
  files.there["/d"] = {S_IFDIR | 0755, 0};
  files.there["/d/socket"] = {S_IFSOCK | 0755, 0};
  EXPECT_EQ(ids(), Ids{}) << "CRIU takes it away";
  files.there["/d/socket"] = {S_IFREG | 0644, 0};
  EXPECT_EQ(ids(), Ids{"restore.port-taken"});
}

TEST_F(Limits, AWatchedFileThatIsGone) {
  images.files[12] = {.kind = FileKind::inotify, .id = 12};
  images.files[12].watches = {{.path = "/d/watched"}};
  EXPECT_EQ(ids(), Ids{"restore.watched-missing"});
  files.there["/d/watched"] = {S_IFDIR | 0755, 0};
  EXPECT_EQ(ids(), Ids{});
  images.files[12].watches = {{.device = 8, .inode = 5, .handle = "h"}};
  EXPECT_EQ(ids(), Ids{}) << "nobody can be asked";
  place.opens = [](const checkpoint::Watch&) { return std::optional(false); };
  EXPECT_EQ(ids(), Ids{"restore.watched-missing"});
  place.opens = [](const checkpoint::Watch&) { return std::optional<bool>(); };
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(Limits, AnAbstractNameThatIsTaken) {
  images.files[12] = {.kind = FileKind::unix_socket, .id = 12};
  images.files[12].local = checkpoint::UnixSocket{.type = 1, .state = 10, .name = std::string("\0name", 5)};
  place.bind_abstract = [](const checkpoint::UnixSocket&) { return Binding::in_use; };
  EXPECT_EQ(ids(), Ids{"restore.port-taken"});
  images.files[12].local->state = 1;  // accepted by the one that has the name
  EXPECT_EQ(ids(), Ids{});
  images.files[12].local->state = 10;
  images.tasks[0].objects.net = 22;
  EXPECT_EQ(ids(), Ids{}) << "a network namespace of its own";
}

// The images choose the path, and who opens a device may set it off.
TEST(HostFiles, NothingButAPlainFileIsOpened) {
  const TemporaryDirectory directory;
  ASSERT_EQ(mkfifo((directory.path() / "fifo").c_str(), 0600), 0);
  ASSERT_TRUE(write_file_atomically(directory.path() / "plain", "bytes"));
  const UniqueFd events(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(inotify_add_watch(events.get(), directory.path().c_str(), IN_OPEN), 0);
  const auto opened = [&] {
    std::array<char, 4096> bytes{};
    return read(events.get(), bytes.data(), bytes.size()) > 0;
  };
  const auto files = files_of_directory(directory.path().string()).value();
  ASSERT_TRUE(files->look("/fifo").value());
  EXPECT_FALSE(files->build_id("/fifo"));
  EXPECT_FALSE(files->is_locked("/fifo", {.kind = FileLock::Kind::posix, .write = true}));
  EXPECT_FALSE(opened());
  EXPECT_EQ(files->build_id("/plain").value(), "");
  EXPECT_TRUE(opened());
}

}  // namespace
}  // namespace cg::restore
