//! Shards of a run at a destination: the plan that they share, and the accounts of each.
//!
//! The first shard that comes writes the [`Plan`], and every other reads it: the reference time, the
//! cuts, and the settings on which results depend. A shard whose own settings differ refuses to start.
//! Each shard writes one object ([`write_object`]) with its accounts, which ends with a digest. The
//! merge reads them all. Every write has a condition, so a shard that runs twice counts once. A merge that goes
//! on without a shard first writes that in place of it ([`Head::left_out`]), on the condition that it still has
//! not come. So every merge of the run is made of the same shards, and each shard learns which it is. When the
//! run is published, the merge writes that it is [`Merged`], and deletes the rest.

mod cuts;
mod object;
mod plan;
mod scheduler;

pub(crate) use cuts::Weights;
pub(crate) use object::{Head, Opened, Unusable, open_object, write_object};
pub(crate) use plan::{
    Agreed, Keys, Merged, Plan, PlanRequest, PlannedEfs, RunName, agree, discard, file_systems,
    merged, read as read_plan, write_merged,
};
pub(crate) use scheduler::{AskedShard, Place, run_id, variable};
