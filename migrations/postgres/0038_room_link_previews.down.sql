drop trigger rooms_link_previews on rooms;
