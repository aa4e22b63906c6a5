-- What people have begun to write: one draft for each person and room. It goes with the membership, and so with the account and the room.
create table drafts (
    user_id bigint not null,
    room_id bigint not null,
    body text not null,
    reply_to bigint,
    edit_seq bigint,
    edit_body text,
    written_at bigint not null,
    primary key (user_id, room_id),
    foreign key (room_id, user_id) references memberships (room_id, user_id) on delete cascade
);
