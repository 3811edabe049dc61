//! What runs inside Redis, each script one atomic step.
//!
//! A record is a string: a head the scripts read, then the sealed [`Record`](super::super::Record).
//!
//! ```text
//! byte 1      state: R reserved, F forwarding, D done, U unknown, S same as another
//! byte 2      k if it is kept, b if it lasts as long as a double read may come
//! 3..34       the reservation it belongs to: whoever is not it changes nothing
//! 35..50      when its gateway is taken for dead, milliseconds
//! 51..82      the claim it holds; of S the other record's name; dashes if none
//! 83..        the sealed record
//! ```
//!
//! The marker is the server it was written on, and until when its memory may have holes:
//! `run_id master_replid fence`. Every script that grants something compares it first: after a
//! failover or a `FLUSHALL` nothing is granted before the fence stands.

use redis::{Cmd, Pipeline, Script};

/// The head's fields, and what a reservation that died before its intent looks like.
const HEAD: &str = r"
local function owner(record) return string.sub(record, 3, 34) end
local function lease(record) return tonumber(string.sub(record, 35, 50)) end
local function other(record) return string.sub(record, 51, 82) end
local function dead(record, now)
  return string.sub(record, 1, 1) == 'R' and lease(record) <= now
end
local function server_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
";

/// `KEYS` marker, record, read mark, claim. `ARGV`: see [`super::held`].
/// M marker changed, L too late, B begun, J joined, K known, P replayed, O older than the memory.
const RESERVE: &str = r"
local marker = redis.call('GET', KEYS[1]) or ''
if string.sub(marker, 1, 81) ~= ARGV[1] then return {'M'} end
local server = server_now()
if server > tonumber(ARGV[2]) then return {'L'} end
local prefix, me, name, keyed = ARGV[3], ARGV[4], ARGV[5], ARGV[6] == '1'
local now = tonumber(ARGV[7])

local had, lapsed = redis.call('GET', KEYS[2]), nil
if had then
  local state = string.sub(had, 1, 1)
  if state == 'S' then
    local same = redis.call('GET', prefix .. 'r:' .. other(had))
    if owner(had) == me then return {'J', other(had)} end
    if same and not dead(same, now) then return {'K', had, same} end
  elseif owner(had) == me then
    redis.call('SET', KEYS[2], had, 'KEEPTTL')
    return {'B'}
  elseif dead(had, now) then
    lapsed = had
  else
    return {'K', had}
  end
end

if ARGV[10] == '1' then
  local mark = redis.call('GET', KEYS[3])
  if mark then
    local first, its_keyed = string.sub(mark, 33, 64), string.sub(mark, 65, 65) == '1'
    local record = first ~= name and redis.call('GET', prefix .. 'r:' .. first)
    if record and not (keyed and its_keyed) and owner(record) == string.sub(mark, 1, 32)
      and not dead(record, now) then
      if keyed then
        redis.call('SET', KEYS[2], ARGV[13] .. first .. ARGV[14], 'PX', ARGV[15])
        redis.call('SETRANGE', KEYS[3], 64, '1')
        if string.sub(record, 2, 2) == 'b' and string.sub(ARGV[13], 2, 2) == 'k' then
          redis.call('SETRANGE', prefix .. 'r:' .. first, 1, 'k')
          redis.call('PEXPIRE', prefix .. 'r:' .. first, ARGV[15], 'GT')
          if string.sub(record, 1, 1) == 'F' then
            redis.call('ZADD', prefix .. 'open', lease(record), first)
          end
        end
      end
      return {'J', first}
    end
  end
end

local fallen = nil
if ARGV[16] == '1' then
  local token = redis.call('GET', KEYS[4])
  if token == name then
    if not lapsed then return {'K'} end
  elseif token then
    local record = redis.call('GET', prefix .. 'r:' .. token)
    if not (record and dead(record, now)) then return {'P'} end
    fallen = token
  else
    local fence, made, life = tonumber(string.sub(marker, 83)), ARGV[19], ARGV[20]
    if tonumber(ARGV[18]) <= server then return {'O'} end
    if fence > 0 then
      if made ~= '' then
        if tonumber(made) <= fence then return {'O'} end
      elseif life == '' or server - fence < tonumber(life) then
        return {'O'}
      end
    end
  end
end

if fallen then redis.call('DEL', prefix .. 'r:' .. fallen) end
if lapsed then
  local held = prefix .. 'c:' .. other(lapsed)
  if redis.call('GET', held) == name then redis.call('DEL', held) end
end
if ARGV[16] == '1' then
  local window = math.max(tonumber(ARGV[17]), tonumber(ARGV[18]) - server + 1)
  redis.call('SET', KEYS[4], name, 'PX', string.format('%.0f', window))
end
redis.call('SET', KEYS[2], ARGV[8], 'PX', ARGV[9])
if ARGV[10] == '1' then
  redis.call('SET', KEYS[3], ARGV[11], 'PX', ARGV[12])
end
return {'B'}
";

/// `KEYS` marker, record, open intents. `ARGV` marker, deadline, owner, name, record, its time to
/// live, lease, whether it is listed, its time to live if somebody with a key joined it meanwhile.
/// M, L, B as above; G gone; K another reservation's.
const INTEND: &str = r"
local marker = redis.call('GET', KEYS[1]) or ''
if string.sub(marker, 1, 81) ~= ARGV[1] then return {'M'} end
if server_now() > tonumber(ARGV[2]) then return {'L'} end
local had = redis.call('GET', KEYS[2])
if not had then return {'G'} end
if owner(had) ~= ARGV[3] then
  local prefix = string.sub(KEYS[2], 1, #KEYS[2] - 32)
  if string.sub(had, 1, 1) == 'S' then
    return {'K', had, redis.call('GET', prefix .. other(had))}
  end
  return {'K', had}
end
local state = string.sub(had, 1, 1)
if state ~= 'R' and state ~= 'F' then return {'G'} end
local keep = string.sub(had, 2, 2)
local kept = keep == 'k' and string.sub(ARGV[5], 2, 2) == 'b'
redis.call('SET', KEYS[2], 'F' .. keep .. string.sub(ARGV[5], 3), 'PX', kept and ARGV[9] or ARGV[6])
if ARGV[8] == '1' then redis.call('ZADD', KEYS[3], ARGV[7], ARGV[4]) end
return {'B'}
";

/// `KEYS` record, open intents, read mark, claim. `ARGV` two unused, owner, name, record, time to
/// live if kept, time to live if brief, the mark's time left, the claim's time left, now.
const SETTLE: &str = r"
local had = redis.call('GET', KEYS[1])
local mine = string.sub(ARGV[5], 1, 1)
local keep = string.sub(ARGV[5], 2, 2)
if had then
  if owner(had) ~= ARGV[3] then return {'X'} end
  if string.sub(had, 1, 1) == 'D' and mine ~= 'D' then return {'B'} end
  keep = string.sub(had, 2, 2)
elseif keep == 'b' then
  return {'G'}
elseif tonumber(ARGV[9]) > 0 then
  redis.call('SET', KEYS[4], ARGV[4], 'NX', 'PX', ARGV[9])
end
local long = keep == 'k'
redis.call('SET', KEYS[1], mine .. keep .. string.sub(ARGV[5], 3), 'PX', long and ARGV[6] or ARGV[7])
if mine == 'D' then
  redis.call('ZREM', KEYS[2], ARGV[4])
elseif long then
  redis.call('ZADD', KEYS[2], ARGV[10], ARGV[4])
end
local mark = redis.call('GET', KEYS[3])
if mark and string.sub(mark, 1, 32) == ARGV[3] then
  if tonumber(ARGV[8]) > 0 then
    redis.call('PEXPIRE', KEYS[3], ARGV[8])
  else
    redis.call('DEL', KEYS[3])
  end
end
return {'B'}
";

/// `KEYS` record, open intents, read mark, claim. `ARGV` two unused, owner, name.
const RELEASE: &str = r"
local had = redis.call('GET', KEYS[1])
if had and owner(had) ~= ARGV[3] then return {'X'} end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[4])
if redis.call('GET', KEYS[4]) == ARGV[4] then redis.call('DEL', KEYS[4]) end
local mark = redis.call('GET', KEYS[3])
if mark and string.sub(mark, 1, 32) == ARGV[3] then redis.call('DEL', KEYS[3]) end
return {'B'}
";

/// `KEYS` open intents. `ARGV` two unused, the prefix of records, now, how many. Names and records
/// of those whose lease is over, by turns.
const UNKNOWN: &str = r"
local found = {}
local names = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[4], 'BYSCORE', 'LIMIT', 0, ARGV[5])
for _, name in ipairs(names) do
  local record = redis.call('GET', ARGV[3] .. name)
  if record then
    found[#found + 1] = name
    found[#found + 1] = record
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return found
";

/// `KEYS` marker, open intents. `ARGV` the marker this gateway last saw, whether it looked away for
/// too long, its wall clock, before when a lease was over whose record is gone by now. The marker,
/// why the fence was set if it was, the time.
///
/// A server that changes its replication id without ever having been a replica did so because a
/// first replica came or the last one is long gone: nothing is lost by that.
const BEAT: &str = r"
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local run = string.match(info, 'run_id:(%x+)')
local stream = string.match(info, 'master_replid:(%x+)')
local promoted = string.match(info, 'master_replid2:(%x+)') ~= string.rep('0', 40)
local function moved(marker)
  return string.sub(marker, 1, 40) ~= run
    or (string.sub(marker, 42, 81) ~= stream and promoted)
end
local had, fence, why = redis.call('GET', KEYS[1]), 0, ''
if had then fence = tonumber(string.sub(had, 83)) end
if not had then why = 'empty'
elseif moved(had) or (ARGV[1] ~= '' and moved(ARGV[1])) then why = 'moved'
elseif ARGV[2] == '1' then why = 'away'
end
local now = server_now()
if why ~= '' then fence = math.max(fence, now, tonumber(ARGV[3])) end
local marker = run .. ' ' .. stream .. ' ' .. string.format('%.0f', fence)
if marker ~= had then redis.call('SET', KEYS[1], marker) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
return {marker, why, string.format('%.0f', now)}
";

/// Which script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Record, mark and claim at once.
    Reserve,
    /// From here on it may be sent.
    Intend,
    /// What became of it.
    Settle,
    /// Nothing became of it.
    Release,
    /// What is listed.
    Unknown,
}

/// The scripts with their digests.
#[derive(Debug)]
pub(super) struct Scripts {
    reserve: Lua,
    intend: Lua,
    settle: Lua,
    release: Lua,
    unknown: Lua,
    beat: Lua,
}

#[derive(Debug)]
struct Lua {
    code: String,
    digest: Script,
}

impl Lua {
    fn new(shebang: &str, body: &str) -> Self {
        let code = [shebang, HEAD, body].concat();
        let digest = Script::new(&code);
        Self { code, digest }
    }
}

impl Default for Scripts {
    fn default() -> Self {
        // A full server takes no more reservations; what was begun is finished all the same.
        let lenient = |body| Lua::new("#!lua flags=allow-oom\n", body);
        Self {
            reserve: Lua::new("#!lua\n", RESERVE),
            intend: lenient(INTEND),
            settle: lenient(SETTLE),
            release: lenient(RELEASE),
            unknown: lenient(UNKNOWN),
            beat: lenient(BEAT),
        }
    }
}

impl Scripts {
    /// The command that runs one, by its digest.
    pub(super) fn call(&self, which: Which, keys: &[Vec<u8>]) -> Cmd {
        let lua = match which {
            Which::Reserve => &self.reserve,
            Which::Intend => &self.intend,
            Which::Settle => &self.settle,
            Which::Release => &self.release,
            Which::Unknown => &self.unknown,
        };
        by_digest(lua, keys)
    }

    /// The command that looks after the marker.
    pub(super) fn beat(&self, keys: &[Vec<u8>]) -> Cmd {
        by_digest(&self.beat, keys)
    }

    /// The commands that make them known to a server.
    pub(super) fn load(&self, into: &mut Pipeline) {
        let all = [
            &self.reserve,
            &self.intend,
            &self.settle,
            &self.release,
            &self.unknown,
            &self.beat,
        ];
        for lua in all {
            into.cmd("SCRIPT").arg("LOAD").arg(&lua.code).ignore();
        }
    }
}

fn by_digest(lua: &Lua, keys: &[Vec<u8>]) -> Cmd {
    let mut cmd = redis::cmd("EVALSHA");
    cmd.arg(lua.digest.get_hash()).arg(keys.len());
    for key in keys {
        cmd.arg(key.as_slice());
    }
    cmd
}
