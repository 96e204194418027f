#include "source/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/file.h"

namespace cg {
namespace {

struct Transfer {
  CURL* curl = nullptr;
  int fd = -1;
  std::string name;
  curl_off_t offset = 0;  // where this transfer was asked to begin
  bool http = false;
  bool started = false;
  std::uint64_t written = 0;
  Result<void> local;  // a write that failed
  Progress* progress = nullptr;
};

std::size_t on_data(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.started) {
    transfer.started = true;
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    // 200 to a range request: the server sends the whole file again.
    if (transfer.http && transfer.offset > 0 && status != 206) {
      if (ftruncate(transfer.fd, 0) != 0) transfer.local = cannot_errno(transfer.name, errno);
      lseek(transfer.fd, 0, SEEK_SET);
      transfer.offset = 0;
    }
  }
  if (transfer.local) transfer.local = write_all(transfer.fd, {data, size * count}, transfer.name);
  if (!transfer.local) return 0;
  transfer.written += size * count;
  return size * count;
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<Transfer*>(user);
  const auto whole = total > 0 ? static_cast<std::uint64_t>(total + transfer.offset) : 0;
  transfer.progress->at(static_cast<std::uint64_t>(now + transfer.offset), whole);
  return 0;
}

struct CurlDelete {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

// libcurl's process-wide state, set up once and left to the end of the process.
bool curl_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

// A break in the middle is worth another try; a host that never answered is not.
bool worth_another_try(CURLcode code) {
  return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING ||
         code == CURLE_HTTP2_STREAM || code == CURLE_OPERATION_TIMEDOUT;
}

struct Attempt {
  CURLcode code = CURLE_OK;
  long http_status = 0;
  std::uint64_t written = 0;
  bool resumed = false;
  std::string message;
};

Result<Attempt> attempt(const std::string& url, const std::filesystem::path& part,
                        const DownloadOptions& options, Progress& progress) {
  if (!curl_ready()) return cannot("libcurl could not be set up");
  const std::unique_ptr<CURL, CurlDelete> handle(curl_easy_init());
  if (!handle) return cannot("libcurl could not be set up");
  CURL* curl = handle.get();
  UniqueFd fd(open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return cannot_errno(part.string(), errno);
  const off_t have = lseek(fd.get(), 0, SEEK_END);
  if (have < 0) return cannot_errno(part.string(), errno);

  Transfer transfer{.curl = curl,
                    .fd = fd.get(),
                    .name = part.string(),
                    .offset = have,
                    .http = !url.starts_with("file:"),
                    .local = {},
                    .progress = &progress};
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, transfer.http ? "http,https" : "file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, options.connect_seconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, options.stall_seconds);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "criu-guest/" CG_VERSION);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason.data());
  if (!options.proxy.empty()) curl_easy_setopt(curl, CURLOPT_PROXY, options.proxy.c_str());
  if (have > 0) curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(have));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);

  Attempt result;
  result.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result.http_status);
  if (!transfer.local) return std::unexpected(transfer.local.error());
  result.written = transfer.written;
  result.resumed = transfer.offset > 0;
  result.message = reason[0] != 0 ? reason.data() : curl_easy_strerror(result.code);
  return result;
}

}  // namespace

Result<Downloaded> download(const std::string& url, const std::filesystem::path& part,
                            const DownloadOptions& options, Progress& progress) {
  for (int tries = 1;; ++tries) {
    CG_TRY(result, attempt(url, part, options, progress));
    if (result.code == CURLE_OK) return Downloaded{result.resumed};
    progress.fail();
    // 416, or a file: URL shorter than what is here: nothing is left to fetch. The hash tells whether it is
    // whole.
    if (result.resumed && (result.http_status == 416 || result.code == CURLE_BAD_DOWNLOAD_RESUME ||
                           result.code == CURLE_RANGE_ERROR))
      return Downloaded{true};
    if (tries < 4 && result.written > 0 && worth_another_try(result.code)) continue;
    std::error_code ignored;  // an empty .part is no start to go on from
    if (std::filesystem::file_size(part, ignored) == 0) std::filesystem::remove(part, ignored);
    return cannot(result.message);
  }
}

}  // namespace cg
