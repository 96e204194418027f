// guest-run's half of the talk with guest-init, without any descriptor: bytes of the guest go in, bytes for
// the guest come out. Order: wait until the guest is ready, put files, run the command, get files, switch
// off.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "protocol.h"

namespace cg {

struct PutFile {
  std::filesystem::path from;    // on the host
  std::string to;                // absolute, in the guest
  std::optional<unsigned> mode;  // default: that of `from`
};

struct GetFile {
  std::string from;          // absolute, in the guest
  std::filesystem::path to;  // on the host
};

struct Request {
  std::vector<PutFile> puts;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::vector<GetFile> gets;
  bool has_input = false;          // else the command reads an empty standard input
  bool orderly_power_off = false;  // the root is to be kept
};

enum class Stage { booting, starting, putting, running, getting, powering_off, finished };

class Conversation {
 public:
  // Opens the files to put. The streams take the command's output as it comes.
  static Result<Conversation> begin(const Request& request, std::ostream& out, std::ostream& err);

  // An error is the end: the guest broke the rules, a file could not be put, or the output could not be
  // written.
  Result<void> receive(std::string_view bytes);
  // Makes outgoing() longer while a file is being put.
  Result<void> continue_sending();
  std::string& outgoing() { return outgoing_; }

  bool takes_input() const;
  void input(std::string_view bytes);
  void input_ended();

  Stage stage() const { return stage_; }
  // What the guest's boot waits for, as told by the guest; "" when it said nothing.
  const std::string& waiting_for() const { return waiting_for_; }
  // The command's exit status, or 128 + signal, or 126 or 127; known from Stage::getting on.
  int status() const { return status_; }
  // What went wrong beside the command: why it was not run, files that could not be had.
  const std::vector<std::string>& complaints() const { return complaints_; }
  bool lost_a_file() const { return lost_a_file_; }

 private:
  Conversation(const Request& request, std::ostream& out, std::ostream& err)
      : request_(request), out_(&out), err_(&err) {}
  Result<void> handle(const guest::Frame& frame);
  Result<void> handle_get(const guest::Frame& frame);
  Result<void> pass_on(std::ostream& stream, std::string_view bytes, const char* name);
  Result<void> unexpected(const guest::Frame& frame) const;
  void send(guest::FrameType type, std::string_view payload = {}) {
    outgoing_ += guest::encode(type, payload);
  }
  void next_put();
  void next_get();

  Request request_;
  std::ostream* out_;
  std::ostream* err_;
  guest::Decoder decoder_;
  std::string outgoing_;
  Stage stage_ = Stage::booting;
  std::string waiting_for_;
  int status_ = 0;
  std::vector<std::string> complaints_;
  bool lost_a_file_ = false;
  bool started_ = false;
  bool input_open_ = false;
  std::vector<UniqueFd> sources_;  // of request_.puts
  std::size_t put_ = 0;            // the put, then the get, that is under way
  bool source_ended_ = false;
  std::size_t get_ = 0;
  std::optional<AtomicFile> target_;
};

}  // namespace cg
