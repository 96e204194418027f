// guest-run against a real guest. Each case boots one; without a kernel they are skipped.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/file.h"
#include "guest_run_tool.h"
#include "image/support/cpio_bytes.h"
#include "json_schema.h"
#include "temporary_directory.h"

namespace cg {
namespace {

constexpr char busybox[] = "/bin/busybox";  // Debian's busybox-static

std::string kernel() {
  const char* named = std::getenv("CG_GUEST_KERNEL");
  return named && *named ? named : std::string(CG_SOURCE_DIR) + "/out/vmlinuz.container";
}

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

class GuestRun : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kernel().c_str(), R_OK) != 0)
      GTEST_SKIP() << "no guest kernel at " << kernel()
                   << "; `make guest-kernel` builds it, or set CG_GUEST_KERNEL";
    if (access(busybox, X_OK) != 0) GTEST_SKIP() << "no " << busybox << " (Debian: busybox-static)";
  }

  Outcome call(const Args& args, const std::string& input = {}) {
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(input);
    const auto cache = directory_.path().string();
    Environment env{out, err, in, [&](std::string_view name) -> std::optional<std::string> {
                      if (name == "CRIU_GUEST_CACHE") return cache;
                      return std::nullopt;
                    }};
    Outcome outcome;
    outcome.status = guest_run_main(args, env);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
  }

  // A guest whose root holds nothing but busybox.
  Args with_busybox(const Args& options, const Args& command) {
    Args args = {"--kernel",  kernel(), "--accel", "tcg",
                 "--timeout", "240",    "--put",   std::string(busybox) + ":/bin/busybox"};
    args.insert(args.end(), options.begin(), options.end());
    args.emplace_back("--");
    args.insert(args.end(), command.begin(), command.end());
    return args;
  }
  Outcome shell(const std::string& script, const Args& options = {}, const std::string& input = {}) {
    return call(with_busybox(options, {"/bin/busybox", "sh", "-c", script}), input);
  }

  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }

  // Bytes that no text conversion and no line discipline would leave alone.
  static std::string binary(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < size; ++i) {
      state = state * 1664525 + 1013904223;
      bytes[i] = static_cast<char>(i < 256 ? i : state >> 24);
    }
    return bytes;
  }

  TemporaryDirectory directory_;
};

void expect_no_child_left() {
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD) << "QEMU outlived guest-run";
}

TEST_F(GuestRun, KeepsTheStreamsApartAndPassesTheStatusOn) {
  const auto run = shell("echo to out; echo to err >&2; exit 7");
  EXPECT_EQ(run.status, 7);
  EXPECT_EQ(run.out, "to out\n");
  EXPECT_EQ(run.err, "to err\n");
  expect_no_child_left();
}

TEST_F(GuestRun, TheSummaryFollowsItsSchema) {
  EXPECT_EQ(shell("exit 3", {"--format", "json", "-o", file("summary")}).status, 3);
  const auto summary = read_file(file("summary")).value_or("");
  EXPECT_EQ(violation_of(summary, "guest-run.schema.json"), "") << summary;
}

TEST_F(GuestRun, OutputOfAllByteValuesArrivesUnchanged) {
  const std::string bytes = binary(5 << 20);
  ASSERT_TRUE(write_file_atomically(file("in"), bytes));
  const auto run = call(with_busybox({"--put", file("in") + ":/data"}, {"/bin/busybox", "cat", "/data"}));
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(run.out == bytes) << run.out.size() << " bytes came back";
  EXPECT_EQ(run.err, "");
}

TEST_F(GuestRun, InputReachesTheCommand) {
  const std::string bytes = binary(3 << 20);
  const auto run = call(with_busybox({}, {"/bin/busybox", "cat"}), bytes);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(run.out == bytes) << run.out.size() << " bytes came back";
}

TEST_F(GuestRun, InputThatNobodyReadsHoldsNothingUp) {
  const auto run =
      call(with_busybox({"--get", "/etc/made:" + file("made")},
                        {"/bin/busybox", "sh", "-c", "/bin/busybox mkdir /etc; echo x > /etc/made"}),
           binary(3 << 20));
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(read_file(file("made")).value(), "x\n");
}

TEST_F(GuestRun, ADaemonLeftBehindDoesNotHoldUpTheEnd) {
  const auto run = shell("/bin/busybox sleep 1000 & echo started");
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out, "started\n");
}

TEST_F(GuestRun, ADaemonThatWritesForEverDoesNotEither) {
  const auto run = shell("/bin/busybox yes & exit 4");
  EXPECT_EQ(run.status, 4);
}

TEST_F(GuestRun, AKernelWithoutVirtioSerialIsSaidToLackIt) {
  const auto run = shell("exit 0", {"--append", "initcall_blacklist=virtio_console_init"});
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("CONFIG_VIRTIO_CONSOLE"), std::string::npos) << run.err;
}

TEST_F(GuestRun, AMissingCommandIs127) {
  const auto run = call(with_busybox({}, {"no-such-command"}));
  EXPECT_EQ(run.status, 127);
  EXPECT_NE(run.err.find("no-such-command: not found in the guest"), std::string::npos) << run.err;
}

TEST_F(GuestRun, AFileThatCannotBeExecutedIs126) {
  ASSERT_TRUE(write_file_atomically(file("text"), "text"));
  const auto plain = call(with_busybox({"--put", file("text") + ":/text:0644"}, {"/text"}));
  EXPECT_EQ(plain.status, 126) << plain.err;
  const auto no_format = call(with_busybox({"--put", file("text") + ":/text:0755"}, {"/text"}));
  EXPECT_EQ(no_format.status, 126) << no_format.err;
  EXPECT_NE(no_format.err.find("/text: Exec format error"), std::string::npos) << no_format.err;
}

TEST_F(GuestRun, ASignalIs128AndItsNumber) {
  EXPECT_EQ(shell("kill -9 $$").status, 128 + 9);
}

TEST_F(GuestRun, CommandRunsAsRootInItsOwnSessionWithItsEnvironment) {
  const auto run = shell(
      "/bin/busybox id -u; pwd; echo $HOME $GREETING; read -r _ _ _ _ _ s _ < /proc/self/stat; echo $s $$",
      {"--env", "GREETING=two words"});
  std::istringstream lines(run.out);
  std::string user, directory, words, session;
  std::getline(lines, user);
  std::getline(lines, directory);
  std::getline(lines, words);
  std::getline(lines, session);
  EXPECT_EQ(user, "0");
  EXPECT_EQ(directory, "/");
  EXPECT_EQ(words, "/root two words");
  EXPECT_EQ(session.substr(0, session.find(' ')), session.substr(session.find(' ') + 1)) << run.out;
}

TEST_F(GuestRun, FilesGoInAndComeOutWithTheirMode) {
  const std::string bytes = binary(10 << 20);
  ASSERT_TRUE(write_file_atomically(file("in"), bytes, 0640));
  const auto run = shell("/bin/busybox stat -c %a /deep/er/file; /bin/busybox chmod 0751 /deep/er/file",
                         {"--put", file("in") + ":/deep/er/file", "--get", "/deep/er/file:" + file("back")});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "640\n");
  EXPECT_TRUE(read_file(file("back")).value() == bytes);
  struct stat info {};
  ASSERT_EQ(stat(file("back").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0751U);
}

TEST_F(GuestRun, AFileThatIsNotThereIsAnErrorThatNamesItAndKeepsTheOldOne) {
  ASSERT_TRUE(write_file_atomically(file("back"), "old"));
  const auto run = shell("exit 0", {"--get", "/nowhere:" + file("back")});
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("/nowhere"), std::string::npos) << run.err;
  EXPECT_EQ(read_file(file("back")).value(), "old");
  EXPECT_EQ(shell("exit 3", {"--get", "/nowhere:" + file("back")}).status, 3)
      << "the command's own status goes first";
}

TEST_F(GuestRun, TheTimeLimitIs124AndQemuIsGone) {
  const auto run = shell("/bin/busybox sleep 1000", {"--timeout", "8"});
  EXPECT_EQ(run.status, 124);
  EXPECT_NE(run.err.find("time limit of 8 s hit: "), std::string::npos) << run.err;
  expect_no_child_left();
}

TEST_F(GuestRun, TheTimeLimitDuringTheBootSaysSo) {
  const auto run = shell("exit 0", {"--timeout", "0.05"});
  EXPECT_EQ(run.status, 124);
  EXPECT_NE(run.err.find("still booting"), std::string::npos) << run.err;
  expect_no_child_left();
}

TEST_F(GuestRun, AKernelPanicIs125WithTheConsolesLastLines) {
  const auto run = shell("echo c > /proc/sysrq-trigger; /bin/busybox sleep 1000");
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("kernel panic in the guest: "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("  | "), std::string::npos) << run.err;
  expect_no_child_left();
}

TEST_F(GuestRun, APanicWhileBootingNeedsNoTimeLimit) {
  const auto run = shell("exit 0", {"--append", "rdinit=/no/init root=/dev/nothing"});
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("Unable to mount root fs"), std::string::npos) << run.err;
}

TEST_F(GuestRun, AGuestThatSwitchesItselfOffIs125) {
  const auto run = shell("/bin/busybox poweroff -f; /bin/busybox sleep 1000");
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("switched itself off or died while the command was running"), std::string::npos)
      << run.err;
}

TEST_F(GuestRun, ADiskWithoutAFileSystemIsNamed) {
  ASSERT_TRUE(write_file_atomically(file("disk"), std::string(1 << 20, '\0')));
  const auto run = call({"--kernel", kernel(), "--accel", "tcg", "--image", file("disk"), "--", "true"});
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("no disk with a root file system"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("/dev/vda (no known file system)"), std::string::npos) << run.err;
}

TEST_F(GuestRun, ATerminationSignalTakesQemuAlong) {
  // Sends the signal from within the run, once the command is known to run.
  struct Terminator : std::stringbuf {
    int sync() override {
      if (str().find("up\n") != std::string::npos) kill(getpid(), SIGTERM);
      return 0;
    }
  } buffer;
  std::ostream out(&buffer);
  std::ostringstream err;
  std::istringstream in;
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  const auto args = with_busybox({}, {"/bin/busybox", "sh", "-c", "echo up; /bin/busybox sleep 1000"});
  EXPECT_EQ(guest_run_main(args, env), 128 + SIGTERM) << err.str();
  expect_no_child_left();
}

// An initrd of the user's with an init of its own.
class GuestRunInitrd : public GuestRun {
 protected:
  std::string initrd(const std::string& init) {
    const auto program = read_file(busybox);
    std::string archive;
    for (const char* name : {"bin", "proc", "run", "sys"}) archive += cpio_entry(name, cpio_directory);
    archive += cpio_entry("bin/busybox", cpio_file | 0755, *program);
    if (!init.empty()) archive += cpio_entry("init", cpio_file | 0755, "#!/bin/busybox sh\n" + init);
    EXPECT_TRUE(write_file_atomically(file("initrd"), archive + cpio_end()));
    return file("initrd");
  }
  Outcome boot(const std::string& initrd, const Args& options, const std::string& script) {
    Args args = {"--kernel", kernel(), "--accel", "tcg", "--initrd", initrd, "--timeout", "240"};
    args.insert(args.end(), options.begin(), options.end());
    args.insert(args.end(), {"--", "/bin/busybox", "sh", "-c", script});
    return call(args);
  }
};

TEST_F(GuestRunInitrd, TheImagesOwnInitIsPid1AndIsWaitedFor) {
  const auto image = initrd(
      "/bin/busybox mount -t proc proc /proc\necho prepared > /run/state\necho > /run/guest-ready\n"
      "while :; do /bin/busybox sleep 1000; done\n");
  const auto run =
      boot(image, {}, "/bin/busybox tr '\\0' ' ' < /proc/1/cmdline; /bin/busybox cat /run/state");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, "/bin/busybox sh /init prepared\n");
}

TEST_F(GuestRunInitrd, AnInitThatNeverGetsReadyIsAnErrorThatSaysWhatWasWaitedFor) {
  const auto image = initrd("while :; do /bin/busybox sleep 1000; done\n");
  const auto run = boot(image, {"--ready", "/run/mine", "--ready-timeout", "0.2"}, "exit 0");
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("for /run/mine"), std::string::npos) << run.err;
  EXPECT_EQ(boot(image, {"--ready", "none"}, "exit 5").status, 5);
}

TEST_F(GuestRunInitrd, WithoutAnInitTheSystemIsSetUpForTheCommand) {
  const auto run = boot(initrd(""), {},
                        "/bin/busybox awk '{print $2, $3}' /proc/mounts; /bin/busybox ip -o link show lo; "
                        "/bin/busybox ls -d /.guest-run; /bin/busybox hostname");
  for (const char* mount : {"/proc proc", "/sys sysfs", "/dev devtmpfs", "/dev/pts devpts", "/dev/shm tmpfs",
                            "/run tmpfs", "/tmp tmpfs", "/sys/fs/cgroup cgroup2"})
    EXPECT_NE(run.out.find(std::string(mount) + "\n"), std::string::npos) << mount << " in\n" << run.out;
  EXPECT_NE(run.out.find("LOOPBACK,UP"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("guest\n"), std::string::npos) << run.out;
  EXPECT_NE(run.err.find("/.guest-run: No such file"), std::string::npos)
      << "guest-run left its files in the user's root";
}

TEST_F(GuestRunInitrd, AnInitThatIsNotThereIsNamed) {
  const auto run = boot(initrd(""), {"--init", "/sbin/mine"}, "exit 0");
  EXPECT_EQ(run.status, 125);
  EXPECT_NE(run.err.find("/sbin/mine: the image has no such init"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace cg
