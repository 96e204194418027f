#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "base/sha256.h"
#include "loopback_server.h"
#include "make_archive.h"
#include "source/source.h"
#include "temporary_directory.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

class Fetch : public testing::Test {
 protected:
  Source url(const std::string& address, const std::string& content) const {
    return {.kind = SourceKind::url, .url = address, .file = "thing.tar.gz", .sha256 = sha256_hex(content)};
  }
  Source file(const std::string& name, const std::string& content, bool write = true) {
    const fs::path path = upstream() / name;
    if (write) spill(path, content);
    return url("file://" + path.string(), content);
  }
  Result<Fetched> fetch(std::vector<Source> sources) {
    return cg::fetch({"thing", "1.0", std::move(sources)}, options());
  }
  FetchOptions options() {
    FetchOptions result{.cache = cache(), .local = local_, .progress = &said_, .offline = offline_};
    result.apt_get = apt_get_;
    return result;
  }
  fs::path cache() const { return directory_.path() / "cache"; }
  fs::path upstream() const { return directory_.path() / "upstream"; }
  fs::path part(const Source& source) const {
    return cache() / "sources" / source.sha256 / "thing.tar.gz.part";
  }

  TemporaryDirectory directory_;
  std::ostringstream said_;
  fs::path local_;
  bool offline_ = false;
  std::string apt_get_ = "/nonexistent/apt-get";
};

TEST_F(Fetch, FirstSourceThenCacheWithoutNetwork) {
  const Source source = file("a", "bytes");
  const auto first = fetch({source});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(slurp(first->path), "bytes");
  EXPECT_EQ(first->sha256, sha256_hex("bytes"));
  EXPECT_EQ(first->version, "1.0");
  EXPECT_EQ(first->origin, source.url);
  EXPECT_FALSE(fs::exists(part(source)));

  fs::remove_all(upstream());
  offline_ = true;
  const auto second = fetch({source});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->path, first->path);
  EXPECT_EQ(second->origin, "cache");
}

TEST_F(Fetch, CacheOfALaterSourceBeatsTheNetworkOfAnEarlierOne) {
  const Source later = file("later", "later bytes");
  ASSERT_TRUE(fetch({later}));
  Source earlier = file("earlier", "earlier bytes");
  earlier.version = "2.0";
  const auto got = fetch({earlier, later});
  ASSERT_TRUE(got);
  EXPECT_EQ(slurp(got->path), "later bytes");
  EXPECT_EQ(got->version, "1.0");
}

TEST_F(Fetch, FallsThroughWithOneLine) {
  const auto got = fetch({file("gone", "x", false), file("here", "there it is")});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), "there it is");
  EXPECT_NE(said_.str().find("trying the next source\n"), std::string::npos) << said_.str();
}

TEST_F(Fetch, WrongHashFallsThroughAndIsKept) {
  Source wrong = file("wrong", "what is there");
  wrong.sha256 = sha256_hex("what was wanted");
  const auto got = fetch({wrong, file("right", "right")});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), "right");
  EXPECT_EQ(slurp(part(wrong).string() + ".wrong1"), "what is there");
}

TEST_F(Fetch, WrongHashAndNothingLeftNamesBoth) {
  Source wrong = file("wrong", "what is there");
  wrong.sha256 = sha256_hex("what was wanted");
  const auto got = fetch({wrong});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::refused);
  EXPECT_NE(got.error().message.find(sha256_hex("what is there")), std::string::npos);
  EXPECT_NE(got.error().message.find(sha256_hex("what was wanted")), std::string::npos);
  EXPECT_EQ(slurp(upstream() / "wrong"), "what is there");
}

TEST_F(Fetch, NothingReachableSaysWhereAFileCouldBePut) {
  const auto got = fetch({file("gone", "x", false)});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::cannot);
  EXPECT_NE(got.error().message.find((cache() / "sources" / "thing.tar.gz").string()), std::string::npos);
  EXPECT_NE(got.error().message.find("--source FILE"), std::string::npos);
}

TEST_F(Fetch, OfflineAsksNobody) {
  const Source source = file("a", "bytes");
  offline_ = true;
  const auto got = fetch({source});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("offline"), std::string::npos);
  EXPECT_EQ(said_.str(), "");
}

TEST_F(Fetch, FilePutByHandIsAsGood) {
  const Source source = file("gone", "by hand", false);
  for (const fs::path& place : {cache() / "sources" / "thing.tar.gz", cache() / "thing.tar.gz"}) {
    fs::remove_all(cache());
    spill(place, "by hand");
    const auto got = fetch({source});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(slurp(got->path), "by hand");
    EXPECT_EQ(got->origin, "cache");
  }
}

TEST_F(Fetch, FilePutByHandWithOtherBytesIsSaidAndLeft) {
  const Source source = file("a", "bytes");
  spill(cache() / "sources" / "thing.tar.gz", "other");
  ASSERT_TRUE(fetch({source}));
  EXPECT_NE(said_.str().find(sha256_hex("other")), std::string::npos);
  EXPECT_EQ(slurp(cache() / "sources" / "thing.tar.gz"), "other");
}

TEST_F(Fetch, DamagedCacheIsNoticedAndFetchedAgain) {
  const Source source = file("a", "bytes");
  const auto first = fetch({source});
  ASSERT_TRUE(first);
  spill(first->path, "damaged");
  const auto second = fetch({source});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(slurp(second->path), "bytes");
  EXPECT_EQ(slurp(second->path.string() + ".wrong1"), "damaged");
}

TEST_F(Fetch, LocalFileIsUsedInPlace) {
  local_ = directory_.path() / "mine";
  spill(local_, "bytes");
  Source second = file("gone", "bytes", false);
  second.version = "7";
  const auto got = fetch({file("gone-too", "else", false), second});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->path, local_);
  EXPECT_EQ(got->version, "7");
  EXPECT_EQ(got->origin, "local file");
}

TEST_F(Fetch, LocalFileWithWrongHashNamesBothAndStays) {
  local_ = directory_.path() / "mine";
  spill(local_, "mine");
  const auto got = fetch({file("a", "wanted")});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::refused);
  EXPECT_NE(got.error().message.find(sha256_hex("mine")), std::string::npos);
  EXPECT_NE(got.error().message.find(sha256_hex("wanted")), std::string::npos);
  EXPECT_EQ(slurp(local_), "mine");
}

TEST_F(Fetch, MissingLocalFileIsAnErrorNotADownload) {
  local_ = directory_.path() / "absent";
  const auto got = fetch({file("a", "bytes")});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::cannot);
  EXPECT_NE(got.error().message.find(local_.string()), std::string::npos);
}

std::string large_body() {
  std::string body;
  for (int i = 0; body.size() < 300000; ++i) body += "line " + std::to_string(i) + "\n";
  return body;
}

TEST_F(Fetch, ResumesWhereAnEarlierRunStopped) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::honoured);
  const Source source = url(server.url("/t"), body);
  spill(part(source), body.substr(0, 100000));
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), body);
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_NE(server.requests()[0].find("Range: bytes=100000-"), std::string::npos);
}

TEST_F(Fetch, ServerWithoutRangesStartsOver) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::ignored);
  const Source source = url(server.url("/t"), body);
  spill(part(source), std::string(100000, 'x'));
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), body);
}

TEST_F(Fetch, WholePartNeedsNoByteMore) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::honoured);
  const Source source = url(server.url("/t"), body);
  spill(part(source), body);
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), body);
}

TEST_F(Fetch, PartOfOtherBytesIsNotHeldAgainstTheServer) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::honoured);
  const Source source = url(server.url("/t"), body);
  spill(part(source), std::string(100000, 'x'));
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), body);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(Fetch, BrokenTransferGoesOnByItself) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::honoured);
  server.break_after(120000);
  const auto got = fetch({url(server.url("/t"), body)});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), body);
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(Fetch, MissingOnTheServerLeavesNoPart) {
  LoopbackServer server("body", LoopbackServer::Ranges::honoured);
  const Source source = url(server.url("/missing"), "body");
  const auto got = fetch({source});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("404"), std::string::npos) << got.error().message;
  EXPECT_FALSE(fs::exists(part(source)));
}

TEST_F(Fetch, TwoAtOnceDownloadOnce) {
  const std::string body = large_body();
  LoopbackServer server(body, LoopbackServer::Ranges::honoured);
  const SourceList list{"thing", "1.0", {url(server.url("/t"), body)}};
  const FetchOptions silent{.cache = cache()};
  std::vector<Result<Fetched>> results(4, cannot("not run"));
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = cg::fetch(list, silent); });
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(server.requests().size(), 1U);
}

// A stand-in for apt-get: names one mirror, and one package by its URI and hash.
class FetchFromDebian : public Fetch {
 protected:
  void apt(const std::string& origin_and_uri, const std::string& download = "exit 100") {
    const fs::path script = directory_.path() / "apt-get";
    spill(script, "#!/bin/sh\ncase \"$*\" in\nindextargets*) echo '" + origin_and_uri + "';;\n*download*) " +
                      download + ";;\nesac\n");
    fs::permissions(script, fs::perms::owner_all);
    apt_get_ = script.string();
  }
  Source package() const {
    return {.kind = SourceKind::debian_package,
            .package = "linux-source-9",
            .version_pattern = "9.*",
            .unpacked = "usr/src/linux.tar"};
  }
  void offer_package(const std::string& file, const std::string& content, const std::string& hash = "") {
    const fs::path deb = upstream() / "package.deb";
    fs::create_directories(upstream());
    make_deb(deb, {{"./usr/share/doc/x", "doc"}, {"./usr/src/linux.tar", content}});
    apt("Debian file:" + upstream().string(), "echo \"'file://" + deb.string() + "' " + file + " 1 SHA256:" +
                                                  (hash.empty() ? sha256_file(deb).value() : hash) + "\"");
  }
};

TEST_F(FetchFromDebian, FindsASourcePackageInThePool) {
  spill(upstream() / "pool/main/c/criu/criu_1.orig.tar.xz", "orig");
  apt("Debian file:" + upstream().string());
  Source source{.kind = SourceKind::debian_source,
                .package = "criu",
                .file = "criu_1.orig.tar.xz",
                .sha256 = sha256_hex("orig")};
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), "orig");
  EXPECT_EQ(got->origin, "apt source package criu (criu_1.orig.tar.xz)");
}

TEST_F(FetchFromDebian, LibrariesHaveLongerPoolNames) {
  spill(upstream() / "pool/main/libn/libnl3/l.tar.xz", "orig");
  apt("Debian file:" + upstream().string());
  const Source source{.kind = SourceKind::debian_source,
                      .package = "libnl3",
                      .file = "l.tar.xz",
                      .sha256 = sha256_hex("orig")};
  EXPECT_TRUE(fetch({source}));
}

TEST_F(FetchFromDebian, AMachineWithoutAptFallsThrough) {
  Source source{
      .kind = SourceKind::debian_source, .package = "criu", .file = "f.tar", .sha256 = sha256_hex("x")};
  const auto got = fetch({source, file("here", "here")});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_NE(said_.str().find("needs a Debian system"), std::string::npos) << said_.str();
}

TEST_F(FetchFromDebian, TakesTheFileOutOfThePackage) {
  offer_package("linux-source-9_1%3a9.4.7-1_all.deb", "the tree");
  const auto got = fetch({package()});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), "the tree");
  EXPECT_EQ(got->version, "9.4.7");
  EXPECT_EQ(got->sha256, sha256_hex("the tree"));
  EXPECT_EQ(got->origin, "apt package linux-source-9 1:9.4.7-1");

  apt_get_ = "/nonexistent/apt-get";
  offline_ = true;
  const auto again = fetch({file("gone", "x", false), package()});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->path, got->path);
  EXPECT_EQ(again->version, "9.4.7");
}

// The machine's apt knows one suite; another is asked for by a configuration of its own, whose lists are
// fetched once.
TEST_F(FetchFromDebian, AnotherSuiteByAConfigurationOfItsOwn) {
  const fs::path deb = upstream() / "package.deb", log = directory_.path() / "asked";
  fs::create_directories(upstream());
  make_deb(deb, {{"./usr/src/linux.tar", "the tree"}});
  apt("Debian file:" + upstream().string(),
      "[ -n \"$APT_CONFIG\" ] || exit 100; echo \"'file://" + deb.string() +
          "' linux-source-9_9.9-1_all.deb 1 SHA256:" + sha256_file(deb).value() + "\"");
  std::string script = slurp(apt_get_);
  script.replace(
      script.find("*download*)"), 0,
      "*update*) cp \"$APT_CONFIG\" " + log.string() + ".conf; echo update >> " + log.string() + ";;\n");
  spill(apt_get_, script);
  Source source = package();
  ASSERT_FALSE(fetch({source})) << "the machine's own apt does not have it";
  source.suite = "trixie-backports";
  const auto got = fetch({source});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(slurp(got->path), "the tree");
  EXPECT_EQ(got->origin, "apt package linux-source-9 of trixie-backports 9.9-1");
  const fs::path own = cache() / "sources" / "apt-trixie-backports";
  EXPECT_EQ(slurp(own / "sources.list"), "deb file://" + upstream().string() + "/ trixie-backports main\n");
  EXPECT_NE(slurp(log.string() + ".conf").find("sourceparts \"/dev/null\""), std::string::npos);

  const auto all = fetch_packages({source}, {.cache = cache(), .apt_get = apt_get_});
  ASSERT_TRUE(all) << all.error().message;
  const FetchedPackage* whole = &all->front();
  EXPECT_EQ(slurp(log), "update\n") << "the lists of today are there already";
  EXPECT_EQ(whole->version, "9.9-1");
  EXPECT_EQ(whole->sha256, sha256_file(deb).value());
  EXPECT_EQ(slurp(whole->path), slurp(deb));
  EXPECT_FALSE(fetch_packages({source}, {.cache = cache(), .offline = true, .apt_get = apt_get_}));
}

TEST_F(FetchFromDebian, PackageOfAnotherSeriesIsNotTaken) {
  offer_package("linux-source-9_8.1-1_all.deb", "old");
  const auto got = fetch({package()});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("apt has version 8.1, the recipe wants 9.*"), std::string::npos)
      << got.error().message;
}

TEST_F(FetchFromDebian, PackageThatAptDoesNotVouchForIsRefused) {
  offer_package("linux-source-9_9.1-1_all.deb", "tampered", std::string(64, '0'));
  const auto got = fetch({package()});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind, ErrorKind::refused);
  EXPECT_NE(got.error().message.find(std::string(64, '0')), std::string::npos);
}

TEST_F(FetchFromDebian, PackageWithoutTheFileIsRefused) {
  offer_package("linux-source-9_9.1-1_all.deb", "x");
  Source other = package();
  other.unpacked = "usr/src/elsewhere.tar";
  const auto got = fetch({other});
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("there is no usr/src/elsewhere.tar in it"), std::string::npos)
      << got.error().message;
}

}  // namespace
}  // namespace cg
