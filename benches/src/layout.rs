//! `bench layout`: what a job costs Redis under the layouts that were considered.
//!
//! Every layout does the same three things in scripts of the same batch sizes: store a job and
//! line it up, claim it under a lease, end it as completed. Only the records and the line
//! differ. Measured is Redis' own CPU per job and its memory per waiting and per ended job.

use anyhow::{Context, Result};
use devkit::{Persistence, RedisServer};
use redis::{Connection, Script};

use crate::probe;
use crate::report::Report;

const JOBS: usize = 100_000;
const STORE_BATCH: usize = 500;
const WORK_BATCH: usize = 100;

struct Layout {
    name: &'static str,
    enqueue: &'static str,
    claim: &'static str,
    end: &'static str,
}

const LINE_ZSET: &str = "one sorted set for all priorities";
const LAYOUTS: [Layout; 4] = [
    Layout {
        name: "tables + zset",
        enqueue: "local j,z={},{} for i=1,#ARGV,2 do j[i]=ARGV[i] j[i+1]=ARGV[i+1] z[i]=5e15+i z[i+1]=ARGV[i] end \
                  redis.call('HSET','job',unpack(j)) redis.call('ZADD','ready',unpack(z))",
        claim: "local p=redis.call('ZPOPMIN','ready',ARGV[1]) local ids={} for i=1,#p,2 do ids[#ids+1]=p[i] end \
                if #ids==0 then return {} end \
                local e=redis.call('HMGET','job',unpack(ids)) local r=redis.call('HMGET','run',unpack(ids)) \
                local l,w,a={},{},{} for n,id in ipairs(ids) do l[#l+1]=1e12 l[#l+1]=n..':'..id w[#w+1]=id \
                w[#w+1]='1 0 '..n..' '..p[n*2]..' 1767600000000 0 worker -' a[#a+1]=id a[#a+1]=e[n] a[#a+1]=w[#w] end \
                redis.call('ZADD','lease',unpack(l)) redis.call('HSET','run',unpack(w)) return a",
        end: "local l,w,z={},{},{} for i,id in ipairs(ARGV) do l[i]=i..':'..id w[#w+1]=id \
              w[#w+1]='1 0 1 5 1767600000000 1767600000001 worker -' z[#z+1]=1767600000001 z[#z+1]=id end \
              redis.call('ZMSCORE','lease',unpack(l)) redis.call('ZREM','lease',unpack(l)) \
              redis.call('HSET','run',unpack(w)) redis.call('ZADD','completed',unpack(z))",
    },
    Layout {
        name: "tables + lists",
        enqueue: "local j,z={},{} for i=1,#ARGV,2 do j[i]=ARGV[i] j[i+1]=ARGV[i+1] z[#z+1]=ARGV[i] end \
                  redis.call('HSET','job',unpack(j)) redis.call('RPUSH','ready5',unpack(z))",
        claim: "local ids={} for p=0,9 do local g=redis.call('LPOP','ready'..p,ARGV[1]-#ids) \
                if g then for _,id in ipairs(g) do ids[#ids+1]=id end end if #ids>=tonumber(ARGV[1]) then break end end \
                if #ids==0 then return {} end \
                local e=redis.call('HMGET','job',unpack(ids)) local r=redis.call('HMGET','run',unpack(ids)) \
                local l,w,a={},{},{} for n,id in ipairs(ids) do l[#l+1]=1e12 l[#l+1]=n..':'..id w[#w+1]=id \
                w[#w+1]='1 0 '..n..' 5 1767600000000 0 worker -' a[#a+1]=id a[#a+1]=e[n] a[#a+1]=w[#w] end \
                redis.call('ZADD','lease',unpack(l)) redis.call('HSET','run',unpack(w)) return a",
        end: "local l,w,z={},{},{} for i,id in ipairs(ARGV) do l[i]=i..':'..id w[#w+1]=id \
              w[#w+1]='1 0 1 5 1767600000000 1767600000001 worker -' z[#z+1]=1767600000001 z[#z+1]=id end \
              redis.call('ZMSCORE','lease',unpack(l)) redis.call('ZREM','lease',unpack(l)) \
              redis.call('HSET','run',unpack(w)) redis.call('ZADD','completed',unpack(z))",
    },
    Layout {
        name: "hash a job + zset",
        enqueue: "local z={} for i=1,#ARGV,2 do z[i]=5e15+i z[i+1]=ARGV[i] \
                  redis.call('HSET','job:'..ARGV[i],'envelope',ARGV[i+1],'state','available') end redis.call('ZADD','ready',unpack(z))",
        claim: "local p=redis.call('ZPOPMIN','ready',ARGV[1]) local l,a={},{} for i=1,#p,2 do local id,k=p[i],'job:'..p[i] \
                local r=redis.call('HMGET',k,'envelope','attempt') a[#a+1]=id a[#a+1]=r[1] \
                redis.call('HSET',k,'state','running','attempt',(r[2] or 0)+1,'fence',i,'started',1767600000000,'worker','worker') \
                l[#l+1]=1e12 l[#l+1]=id end if #l>0 then redis.call('ZADD','lease',unpack(l)) end return a",
        end: "local z={} for i,id in ipairs(ARGV) do local k='job:'..id redis.call('HGET',k,'fence') \
              redis.call('HSET',k,'state','completed','finished',1767600000001) z[#z+1]=1767600000001 z[#z+1]=id end \
              redis.call('ZREM','lease',unpack(ARGV)) redis.call('ZADD','completed',unpack(z))",
    },
    Layout {
        name: "blob a job + zset",
        enqueue: "local z={} for i=1,#ARGV,2 do z[i]=5e15+i z[i+1]=ARGV[i] redis.call('SET','job:'..ARGV[i],ARGV[i+1]) end \
                  redis.call('ZADD','ready',unpack(z))",
        claim: "local p=redis.call('ZPOPMIN','ready',ARGV[1]) local l,a={},{} for i=1,#p,2 do local id,k=p[i],'job:'..p[i] \
                local j=cjson.decode(redis.call('GET',k)) j.attempt=(j.attempt or 0)+1 j.fence=i j.state='running' j.started=1767600000000 \
                j.worker='worker' local t=cjson.encode(j) redis.call('SET',k,t) a[#a+1]=id a[#a+1]=t l[#l+1]=1e12 l[#l+1]=id end \
                if #l>0 then redis.call('ZADD','lease',unpack(l)) end return a",
        end: "local z={} for i,id in ipairs(ARGV) do local k='job:'..id local j=cjson.decode(redis.call('GET',k)) \
              j.state='completed' j.finished=1767600000001 redis.call('SET',k,cjson.encode(j)) z[#z+1]=1767600000001 z[#z+1]=id end \
              redis.call('ZREM','lease',unpack(ARGV)) redis.call('ZADD','completed',unpack(z))",
    },
];

/// Measures all layouts, one fresh Redis each.
pub(crate) fn measure(report: &mut Report) -> Result<()> {
    LAYOUTS.iter().try_for_each(|layout| one(layout, report))
}

fn one(layout: &Layout, report: &mut Report) -> Result<()> {
    let redis = RedisServer::start(Persistence::None)?;
    let mut connection = redis::Client::open(redis.url())?.get_connection()?;
    let pid = redis.pid().context("redis is gone")?;
    let conditions = if layout.name.ends_with("zset") {
        LINE_ZSET
    } else {
        "a list per priority"
    };
    let mut phase =
        |bench, connection: &mut Connection, work: &dyn Fn(&mut Connection) -> Result<()>| {
            let before = (probe::cpu_seconds(pid)?, used_memory(connection)?);
            work(connection)?;
            let micros = (probe::cpu_seconds(pid)? - before.0) / JOBS as f64 * 1e6;
            report.add(bench, layout.name, micros, "µs/job", "aof off", conditions);
            anyhow::Ok(used_memory(connection)? - before.1)
        };
    let waiting = phase("layout: enqueue", &mut connection, &|connection| {
        enqueue(layout, connection)
    })?;
    let ended = phase("layout: claim and end", &mut connection, &|connection| {
        work(layout, connection)
    })?;
    report.add(
        "layout: waiting job",
        layout.name,
        waiting / JOBS as f64,
        "bytes",
        "aof off",
        conditions,
    );
    report.add(
        "layout: ended job",
        layout.name,
        (waiting + ended) / JOBS as f64,
        "bytes",
        "aof off",
        conditions,
    );
    Ok(())
}

fn enqueue(layout: &Layout, connection: &mut Connection) -> Result<()> {
    let script = Script::new(layout.enqueue);
    for start in (0..JOBS).step_by(STORE_BATCH) {
        let mut call = script.prepare_invoke();
        for number in start..start + STORE_BATCH {
            call.arg(format!("01JD000000000000000{number:07}"));
            call.arg(format!(
                r#"{{"v":1,"kind":"bench.noop","enqueued_at":1767600000000,"priority":5,"payload":{{"number":{number}}}}}"#
            ));
        }
        let () = call.invoke(connection)?;
    }
    Ok(())
}

fn work(layout: &Layout, connection: &mut Connection) -> Result<()> {
    let (claim, end) = (Script::new(layout.claim), Script::new(layout.end));
    let per_job = if layout.name.starts_with("tables") {
        3
    } else {
        2
    };
    loop {
        let claimed: Vec<String> = claim.arg(WORK_BATCH).invoke(connection)?;
        if claimed.is_empty() {
            return Ok(());
        }
        let mut call = end.prepare_invoke();
        for id in claimed.iter().step_by(per_job) {
            call.arg(id);
        }
        let () = call.invoke(connection)?;
    }
}

fn used_memory(connection: &mut Connection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("memory").query(connection)?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|text| text.trim().parse().ok())
        .context("INFO has no used_memory")
}
